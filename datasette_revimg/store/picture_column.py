"""The column of the user's table that holds pictures, or the paths of their files."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..keys import Key
from . import own_tables
from .sql import all_present, equalities, placeholders, quote, quote_all
from .tables import Table


def next_keys(
    conn: sqlite3.Connection, source: Table, column: str, after: Key | None, limit: int
) -> list[Key]:
    """Return the keys of the next ``limit`` rows that have a picture, in their order.

    Reads keys only, so that a page costs nothing however large the pictures are.
    """
    return _next_keys(conn, source, column, after, limit)


def _next_keys(
    conn: sqlite3.Connection,
    source: Table,
    column: str,
    after: Key | None,
    limit: int,
    condition: str = "1",
) -> list[Key]:
    names = quote_all(source.key_columns)
    conditions = [all_present((*source.key_columns, column)), condition]
    parameters: list[Any] = []
    if after is not None:
        conditions.append(f"({names}) > ({placeholders(len(after))})")
        parameters.extend(after)
    return conn.execute(
        f"select {names} from {quote(source.name)} where {' and '.join(conditions)} "
        f"order by {names} limit ?",
        [*parameters, limit],
    ).fetchall()


def next_new_keys(
    conn: sqlite3.Connection, source: Table, column: str, after: Key | None, limit: int
) -> list[Key]:
    """Return the keys of the next ``limit`` rows that have a picture but no vector."""
    vectors = quote(own_tables.vectors_table(source.name))
    same = " and ".join(
        f"{vectors}.{quote(stored)} = {quote(source.name)}.{quote(name)}"
        for stored, name in zip(source.stored_columns, source.key_columns, strict=True)
    )
    new = f"not exists (select 1 from {vectors} where {same})"
    return _next_keys(conn, source, column, after, limit, new)


def read(conn: sqlite3.Connection, source: Table, column: str, key: Key) -> Any:
    """Return the value of a row's picture column; None when the row is gone by now."""
    row = conn.execute(
        f"select {quote(column)} from {quote(source.name)} where {equalities(source.key_columns)}",
        key,
    ).fetchone()
    return row[0] if row else None


def is_empty(conn: sqlite3.Connection, source: Table, column: str, key: Key) -> bool:
    """Return whether a row's picture column is NULL; the picture itself isn't read."""
    row = conn.execute(
        f"select {quote(column)} is null from {quote(source.name)} "
        f"where {equalities(source.key_columns)}",
        key,
    ).fetchone()
    return bool(row and row[0])


def sample(conn: sqlite3.Connection, source: Table, column: str, limit: int) -> list[Any]:
    """Return some values of a column, NULLs left out."""
    rows = conn.execute(
        f"select {quote(column)} from {quote(source.name)} "
        f"where {quote(column)} is not null limit ?",
        [limit],
    )
    return [value for (value,) in rows]


def sample_beginnings(
    conn: sqlite3.Connection, source: Table, column: str, limit: int, size: int
) -> list[Any]:
    """Return the first ``size`` bytes or characters of some BLOBs and texts of a column."""
    name = quote(column)
    rows = conn.execute(
        f"select substr({name}, 1, ?) from {quote(source.name)} "
        f"where typeof({name}) in ('blob', 'text') limit ?",
        [size, limit],
    )
    return [value for (value,) in rows]


def count(conn: sqlite3.Connection, source: Table, column: str) -> tuple[int, int]:
    """Return how many rows have a picture, and how many of these a NULL in their key.

    Rows with a NULL in their key can't be told apart.
    """
    no_key = " or ".join(f"{quote(name)} is null" for name in source.key_columns)
    total, without_key = conn.execute(
        f"select count(*), coalesce(sum({no_key}), 0) from {quote(source.name)} "
        f"where {quote(column)} is not null"
    ).fetchone()
    return total, without_key
