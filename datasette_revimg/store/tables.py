"""The user's own tables: what identifies a row, and what is in it. Nothing here writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RevimgError, RowNotFoundError
from ..keys import Key
from . import schema
from .sql import PREFIX, placeholders, quote


@dataclass(frozen=True)
class Table:
    """A table of the user's: its real name, its columns and what identifies a row of it."""

    name: str
    columns: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]  # (column, declared type); none for a table without a key

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row, ``rowid`` in a table without a primary key."""
        return tuple(name for name, _ in self.keys) or ("rowid",)

    @property
    def stored_keys(self) -> tuple[tuple[str, str], ...]:
        """The same columns and types as the ``_revimg_`` tables have them."""
        return self.keys or (("rowid_", "INTEGER"),)


def find(conn: sqlite3.Connection, table: str) -> Table:
    """Look up a table of the user's. RevimgError for a view, or a name that isn't there."""
    row = conn.execute(
        "select name, type from sqlite_master where type in ('table', 'view') "
        "and name = ? collate nocase",
        [table],
    ).fetchone()
    if row is None:
        raise RevimgError(f"there is no table {table!r} in the database{_known_tables(conn)}")
    name, kind = row
    if kind == "view":
        raise RevimgError(f"{name!r} is a view, and only tables can be embedded: name its table")
    if name.startswith(PREFIX):
        raise RevimgError(f"{name!r} holds what was computed for another table: name that one")
    info = conn.execute("select name, type, pk from pragma_table_info(?)", [name]).fetchall()
    keys = sorted((pk, column, declared) for column, declared, pk in info if pk)
    return Table(
        name,
        tuple(column for column, _, _ in info),
        tuple((column, declared) for _, column, declared in keys),
    )


def _known_tables(conn: sqlite3.Connection) -> str:
    names = [name for name in schema.table_names(conn) if not name.startswith((PREFIX, "sqlite_"))]
    return f"; it has {', '.join(names[:10])}" if names else ", which has no tables"


def resolve_key(conn: sqlite3.Connection, source: Table, key: Sequence[Any]) -> Key:
    """Return a key as its row has it, 7 for "7". RowNotFoundError when there is no such row."""
    row: Key | None = None
    if len(key) == len(source.key_columns):
        condition, parameters = key_condition(source, key)
        names = ", ".join(quote(name) for name in source.key_columns)
        cursor = conn.execute(
            f"select {names} from {quote(source.name)} where {condition}", parameters
        )
        cursor.row_factory = None
        row = cursor.fetchone()
    if row is None:
        raise RowNotFoundError(f"there is no row {', '.join(map(str, key))} in {source.name}")
    return row


def rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """The source's rows with these keys, in their order, BLOBs left out."""
    names = [name for name in source.columns if name not in source.key_columns]
    # SQLite tells a value's type without reading it, and pictures are large.
    light = [f"iif(typeof({quote(name)}) = 'blob', x'', {quote(name)})" for name in names]
    columns = ", ".join([*map(quote, source.key_columns), *light])
    condition = " and ".join(f"{quote(name)} = ?" for name in source.key_columns)
    found = []
    for key in keys:
        cursor = conn.execute(f"select {columns} from {quote(source.name)} where {condition}", key)
        cursor.row_factory = None
        values = cursor.fetchone() or key
        found.append(
            {
                name: value
                for name, value in zip((*source.key_columns, *names), values, strict=False)
                if not isinstance(value, bytes)
            }
        )
    return found


def pictures(
    conn: sqlite3.Connection, source: Table, column: str, after: Key | None, limit: int
) -> list[Key]:
    """The keys of the next ``limit`` rows that have a picture, in their order.

    Reads keys only, so that a page costs nothing however large the pictures are.
    """
    names = ", ".join(quote(name) for name in source.key_columns)
    conditions = [f"{quote(name)} is not null" for name in (*source.key_columns, column)]
    parameters: list[Any] = []
    if after is not None:
        conditions.append(f"({names}) > ({placeholders(len(after))})")
        parameters.extend(after)
    return conn.execute(
        f"select {names} from {quote(source.name)} where {' and '.join(conditions)} "
        f"order by {names} limit ?",
        [*parameters, limit],
    ).fetchall()


def picture(conn: sqlite3.Connection, source: Table, column: str, key: Key) -> Any:
    """The value of a row's picture column; None when the row is gone by now."""
    condition = " and ".join(f"{quote(name)} = ?" for name in source.key_columns)
    row = conn.execute(
        f"select {quote(column)} from {quote(source.name)} where {condition}", key
    ).fetchone()
    return row[0] if row else None


def sample(conn: sqlite3.Connection, source: Table, column: str, limit: int) -> list[Any]:
    """Some values of a column, NULLs left out."""
    return [
        value
        for (value,) in conn.execute(
            f"select {quote(column)} from {quote(source.name)} "
            f"where {quote(column)} is not null limit ?",
            [limit],
        )
    ]


def count_pictures(conn: sqlite3.Connection, source: Table, column: str) -> tuple[int, int]:
    """How many rows have a picture, and how many of them can't be told apart: a NULL in the key."""
    no_key = " or ".join(f"{quote(name)} is null" for name in source.key_columns)
    total, without = conn.execute(
        f"select count(*), coalesce(sum({no_key}), 0) from {quote(source.name)} "
        f"where {quote(column)} is not null"
    ).fetchone()
    return total, without


def count_sql(source: Table, where: str) -> str:
    """Return the SQL that counts the rows that meet a condition."""
    return f"select count(*) from {quote(source.name)} where {where}"


def key_subquery(source: Table, where: str = "") -> str:
    """The keys of the rows that meet a condition, as SQL to put behind ``in``."""
    columns = ", ".join(quote(name) for name in source.key_columns)
    condition = f" where {where}" if where else ""
    return f"(select {columns} from {quote(source.name)}{condition})"


def key_condition(source: Table, key: Sequence[Any]) -> tuple[str, Key]:
    """A condition that one row meets, with its parameters.

    RevimgError when the key has another number of values than the table's.
    """
    columns = source.key_columns
    if len(columns) != len(key):
        raise RevimgError(
            f"a row of {source.name!r} is named by {len(columns)} values "
            f"({', '.join(columns)}), not by {len(key)}"
        )
    return " and ".join(f"{quote(name)} = ?" for name in columns), tuple(key)
