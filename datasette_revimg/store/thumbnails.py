"""The thumbnails of a table's pictures, and the pictures' sizes, which are kept beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ..keys import Key
from .own_tables import SOUND_SIZE, thumbnails_table
from .schema import exists
from .sql import equalities, quote, quote_all
from .tables import Table, find, key_condition, key_subquery


def read(conn: sqlite3.Connection, table: str, key: Sequence[Any]) -> bytes | None:
    """Return a row's thumbnail as WebP, None when the row is gone or has none."""
    source = find(conn, table)
    if not exists(conn, thumbnails_table(source.name)):
        return None
    condition, parameters = key_condition(source, key)
    row = conn.execute(
        f"select thumbnail from {quote(thumbnails_table(source.name))} "
        f"where ({quote_all(source.stored_columns)}) in "
        f"{key_subquery(source, condition, missing=True)}",
        parameters,
    ).fetchone()
    return _thumbnail(row)


def read_many(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[bytes | None]:
    """Return the thumbnails of rows as WebP, in their order; None for a row that has none."""
    if not exists(conn, thumbnails_table(source.name)):
        return [None] * len(keys)
    query = _select(source, "thumbnail")
    rows = [conn.execute(query, key).fetchone() for key in keys]
    return [_thumbnail(row) for row in rows]


def read_sizes(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
) -> dict[Key, tuple[int, int]]:
    """Return width and height, in pixels, of the picture of each row that has a thumbnail.

    Numbers that can't be a picture's size are left out, as if the row had none.
    """
    if not exists(conn, thumbnails_table(source.name)):
        return {}
    query = f"{_select(source, 'width, height')} and {SOUND_SIZE}"
    rows = {key: conn.execute(query, key).fetchone() for key in keys}
    return {key: (row[0], row[1]) for key, row in rows.items() if row}


def _thumbnail(row: Any) -> bytes | None:
    return row[0] if row and isinstance(row[0], bytes) else None


def _select(source: Table, columns: str) -> str:
    table = quote(thumbnails_table(source.name))
    return f"select {columns} from {table} where {equalities(source.stored_columns)}"
