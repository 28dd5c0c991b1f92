"""The tables that a database has, and their columns, as SQLite itself describes them."""

from __future__ import annotations

import sqlite3

from .sql import PREFIX, fold_name


def version(conn: sqlite3.Connection) -> int:
    """Return the number that SQLite changes with every change of the database's tables."""
    (number,) = conn.execute("pragma schema_version").fetchone()
    return int(number)


def exists(conn: sqlite3.Connection, table: str) -> bool:
    """Return whether there is a table of this name, in upper or lower case."""
    return bool(
        conn.execute(
            "select 1 from sqlite_master where type = 'table' and name = ? collate nocase", [table]
        ).fetchone()
    )


def table_names(conn: sqlite3.Connection) -> list[str]:
    """Return the names of all tables, in alphabetical order."""
    rows = conn.execute("select name from sqlite_master where type = 'table' order by name")
    return [name for (name,) in rows]


def own_names(conn: sqlite3.Connection) -> set[str]:
    """Return the names of all tables, views, indexes and triggers that are marked as ours."""
    return {name for (name,) in conn.execute("select name from sqlite_master") if is_own(name)}


def virtual_table_names(conn: sqlite3.Connection) -> list[str]:
    """Return the names of the virtual tables, full-text indexes for instance."""
    rows = conn.execute("select name from sqlite_master where sql like 'create virtual table %'")
    return [name for (name,) in rows]


def column_names(conn: sqlite3.Connection, table: str) -> list[str]:
    """Return the names of a table's columns, in their order.

    sqlite3.Error for a virtual table whose module is not loaded.
    """
    return [name for (name,) in conn.execute("select name from pragma_table_info(?)", [table])]


def foreign_keys(conn: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """Return the columns that refer to another table: (column, the other table)."""
    rows = conn.execute('select "from", "table" from pragma_foreign_key_list(?)', [table])
    return [(column, other) for column, other in rows]


def is_own(table: str) -> bool:
    """Return whether a table's name marks it as one of ours, not one of the user's."""
    return fold_name(table).startswith(PREFIX)
