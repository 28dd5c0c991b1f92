"""A table of the user's that is made from files: a row for each file, named by its path."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sqlite_utils

from ..errors import RevimgError
from ..keys import Key
from ..vectors.cosine import VECTOR_DTYPE
from . import code_log, code_tables, failed_rows, own_tables, reading, tables
from .connection import transaction
from .sql import now, quote
from .tables import MISSING, Table

COLUMNS: dict[str, type] = {
    "path": str,
    "name": str,
    "size": int,
    "mtime": str,
    "width": int,
    "height": int,
    "format": str,
    "taken": str,
    MISSING: str,
}


def prepare(conn: sqlite3.Connection, table: str, keep_content: bool) -> Table:
    """Create the table for pictures from files, or add the columns that it lacks.

    It has a column ``content``, for the files' bytes, if ``keep_content``. Raises RevimgError when
    a table of that name has another primary key than ``path``.
    """
    with transaction(conn):
        return _prepared(conn, table, keep_content)


def _prepared(conn: sqlite3.Connection, table: str, keep_content: bool) -> Table:
    database = sqlite_utils.Database(conn, execute_plugins=False)
    columns = dict(COLUMNS, **({"content": bytes} if keep_content else {}))
    if table not in database.table_names() and table not in database.view_names():
        database.table(table).create(columns, pk="path")
        return tables.find(conn, table)
    source = tables.find(conn, table)
    if source.key_columns != ("path",):
        raise RevimgError(
            f"{source.name!r} has the primary key {', '.join(source.key_columns)}, and files "
            "need a table whose key is path: choose another name for the new table"
        )
    for name, kind in columns.items():
        if name not in source.columns:
            database.table(source.name).add_column(name, kind)
    return tables.find(conn, table)


def recorded(
    conn: sqlite3.Connection, source: Table, path: str, *, with_content: bool
) -> tuple[Any, ...] | None:
    """Return what the table knows of a file; None without a row.

    That is its size, its time of modification, and 1 if ``with_content`` asks for its bytes and
    they are missing, else 0.
    """
    lacking = "content is null" if with_content else "0"
    cursor = conn.execute(
        f"select size, mtime, {lacking} from {quote(source.name)} where path = ?", [path]
    )
    cursor.row_factory = None
    row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def paths(conn: sqlite3.Connection, source: Table) -> Iterator[str]:
    """Yield the paths of all rows; a row whose path is NULL or a BLOB is nobody's file."""
    cursor = conn.execute(f"select path from {quote(source.name)} where typeof(path) = 'text'")
    return (path for (path,) in cursor)


def sizes(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> set[int]:
    """Return the recorded sizes in bytes of these rows' files."""
    query = f"select size from {quote(source.name)} where path = ?"
    rows = (conn.execute(query, key).fetchone() for key in keys)
    return {row[0] for row in rows if row and isinstance(row[0], int)}


def rename(conn: sqlite3.Connection, source: Table, moved: Mapping[str, str]) -> None:
    """Give rows the new path of their file, from the old one, in one transaction.

    Everything else in the row, and everything stored for it, stays as it is. No row has one of the
    new paths.
    """
    table, column = quote(source.name), quote(MISSING)
    old: list[Key] = [(path,) for path in moved]
    new: list[Key] = [(path,) for path in moved.values()]
    pairs = [(path, before) for before, path in moved.items()]
    with transaction(conn):
        for name in own_tables.existing_keyed_names(conn, source.name):
            # Whatever is left there of a row that the user has deleted.
            conn.executemany(f"delete from {quote(name)} where path = ?", new)
            conn.executemany(f"update {quote(name)} set path = ? where path = ?", pairs)
        conn.executemany(f"update {table} set path = ? where path = ?", pairs)
        conn.executemany(
            f"update {table} set name = ? where path = ?",
            [(path.rpartition("/")[2], path) for path in moved.values()],
        )
        conn.executemany(
            f"update {table} set {column} = null where path = ? and not {source.present}", new
        )
        failed_rows.delete(conn, source.name, old)
        for keys, vectors in reading.vectors_of(conn, source, new):
            code_log.record(conn, source.name, keys, vectors, (), len(keys))
        none = np.empty((0, 0), VECTOR_DTYPE)
        code_log.record(conn, source.name, (), none, old, -len(old))


def mark_missing(
    conn: sqlite3.Connection, source: Table, gone: Sequence[Key], present: Sequence[Key]
) -> None:
    """Mark the rows whose file is gone with the time, and no longer those whose file is back.

    A row that was missing before keeps the time when that was first seen, and one that has
    something else in a column of this name, which is then the user's own, keeps that.
    """
    table, column = quote(source.name), quote(MISSING)
    with transaction(conn):
        conn.executemany(
            f"update {table} set {column} = ? where path = ? and {column} is null",
            [(now(), *key) for key in gone],
        )
        conn.executemany(
            f"update {table} set {column} = null where path = ? and not {source.present}", present
        )


def missing(conn: sqlite3.Connection, source: Table) -> list[Key]:
    """Return the keys of the rows that are marked missing."""
    cursor = conn.execute(
        f"select path from {quote(source.name)} where not {source.present} order by path"
    )
    cursor.row_factory = None
    return cursor.fetchall()


def move_paths(conn: sqlite3.Connection, source: Table, prefix: str) -> None:
    """Put ``prefix`` before every path of a table made from files, in one transaction."""
    with transaction(conn):
        for name in (source.name, *own_tables.existing_keyed_names(conn, source.name)):
            # SQLite checks each row at once: a path may become what another one still is. No
            # path begins with a slash, so that in between they are out of each other's way.
            conn.execute(f"update {quote(name)} set path = '/' || path")
            conn.execute(f"update {quote(name)} set path = ? || substr(path, 2)", [prefix])
        # They name the rows by their paths.
        code_tables.start_over(conn, source.name)
        failed_rows.delete_all(conn, source.name)
