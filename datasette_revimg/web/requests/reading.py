"""Reads of a database, in Datasette's SQL threads and within the time that a search may take."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from datasette.utils import sqlite_timelimit

from ..compat import Database
from ..problems import SEARCH_SECONDS

Result = TypeVar("Result")


async def read(db: Database, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """Run ``work`` with a connection to the database, and return what it returns.

    Raises sqlite3.OperationalError (SQLITE_INTERRUPT) when it takes more than SEARCH_SECONDS.
    """

    def limited(conn: sqlite3.Connection) -> Result:
        with sqlite_timelimit(conn, SEARCH_SECONDS * 1000):
            return work(conn)

    return await db.execute_fn(limited)
