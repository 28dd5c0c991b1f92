"""Rows that were deleted, or have lost their picture, and what is still stored for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from contextlib import suppress

from ..errors import RowNotFoundError
from ..keys import Key
from . import failed_rows, picture_column, removal
from .connection import transaction
from .own_tables import vectors_table
from .sql import equalities, quote, quote_all
from .tables import Table, resolve_key


def forget(conn: sqlite3.Connection, source: Table, column: str, keys: Collection[Key]) -> None:
    """Delete, in one transaction, what is stored for those of these rows that have no picture.

    ``column`` is that of the pictures; the values of the keys may be texts.
    """
    with transaction(conn):
        stored = {each for key in keys for each in _stored(conn, source, key)}
        gone = [key for key in stored if picture_column.read(conn, source, column, key) is None]
        if gone:
            removal.forget_rows(conn, source, gone)


def _stored(conn: sqlite3.Connection, source: Table, key: Key) -> set[Key]:
    """Return a key as its row has it, or its vector, or its failure."""
    found: set[Key] = set()
    with suppress(RowNotFoundError):
        found.add(resolve_key(conn, source, key))
    vectors, names = quote(vectors_table(source.name)), source.stored_columns
    if len(names) == len(key):
        cursor = conn.execute(
            f"select {quote_all(names)} from {vectors} where {equalities(names)}", key
        )
        cursor.row_factory = None
        found.update(cursor.fetchall())
    texts = [str(part) for part in key]
    failed = (_parts(pk) for pk, _ in failed_rows.read(conn, source.name))
    found.update(tuple(parts) for parts in failed if [str(part) for part in parts] == texts)
    return found


def _parts(pk: str) -> list[str | int | float]:
    """Return the parts of a key as JSON; none if it isn't one, which others may have written."""
    try:
        parts = json.loads(pk)
    except (TypeError, ValueError):
        return []
    simple = isinstance(parts, list) and all(isinstance(each, str | int | float) for each in parts)
    return parts if simple else []
