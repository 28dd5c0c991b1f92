"""What people may not do when they write through Datasette 1.0, whatever else they may."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ..search import functions
from ..store import schema
from ..store.sql import PREFIX


def guard(conn: sqlite3.Connection) -> Iterator[None]:
    """Guard what is written while this generator waits.

    Raises sqlite3.OperationalError, which undoes it, when it has created something that bears a
    name of ours. Datasette has checked which tables are read, but doesn't know that ``revimg_top``
    reads some, which a column's default may call.
    """
    before = schema.own_names(conn)
    with functions.without_top():
        yield
    created = schema.own_names(conn) - before
    if created:
        raise sqlite3.OperationalError(
            f"{min(created)} can't be created here: names that begin with {PREFIX} are those of "
            "datasette-revimg"
        )
