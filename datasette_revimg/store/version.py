"""The version of the layout of our tables, which ``_revimg_meta`` records.

It has the row ``version``. Later versions keep it there, so that every earlier one can refuse them.
A database without it has the version 0.
"""

from __future__ import annotations

import sqlite3

from ..errors import NewerVersionError, RevimgError
from .schema import column_names
from .sql import PREFIX

META = f"{PREFIX}meta"

# The version that this program writes; ``migrations`` has a step to it.
CURRENT = 1


def stored(conn: sqlite3.Connection) -> int:
    """Return the version of a database's tables, 0 for one that has none or a damaged one."""
    if not _is_ours(column_names(conn, META)):
        return 0
    row = conn.execute(f"select value from {META} where name = 'version'").fetchone()
    return row[0] if row and isinstance(row[0], int) else 0


def check(conn: sqlite3.Connection, name: object = "this database") -> None:
    """Raise NewerVersionError when a later version of this program has made the tables.

    ``name`` is that of the database, for the error.
    """
    found = stored(conn)
    if found > CURRENT:
        raise NewerVersionError(
            f"{name} was embedded by a newer datasette-revimg (its tables have version "
            f"{found}, this one knows {CURRENT}): upgrade it with "
            "`datasette install --upgrade datasette-revimg`"
        )


def write(conn: sqlite3.Connection) -> None:
    """Record, within a transaction, that the tables have the current version.

    Raises RevimgError when another table has the name of the one that records it.
    """
    columns = column_names(conn, META)
    if columns and not _is_ours(columns):
        raise RevimgError(
            f"the name {META} is needed for the version of our tables, but it is that of another "
            "table: if this has the vectors of your table 'meta', run `datasette revimg forget` "
            "with it, and embed a copy of it"
        )
    conn.execute(f"create table if not exists {META} (name text primary key, value integer)")
    conn.execute(f"insert or replace into {META} (name, value) values ('version', ?)", [CURRENT])


def _is_ours(columns: list[str]) -> bool:
    """Return whether they are those of this table, and not of the vectors of a table 'meta'."""
    return {"name", "value"} <= set(columns) and "embedding" not in columns
