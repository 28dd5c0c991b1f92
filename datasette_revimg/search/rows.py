"""Rows as a search takes and returns them: looked up by their keys' text, read without BLOBs."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import NewRowError, NotEmbeddedError, RevimgError, RowNotFoundError
from ..keys import Key, key_json
from ..store import failed_rows, picture_column, reading, registry, tables, thumbnails
from ..store.tables import Table
from .best import Hit


@dataclass(frozen=True)
class Row:
    """A row of the source table, as a search returns it.

    ``columns`` are without BLOBs, and ``size`` is the width and height of its picture in pixels.
    Where the row is a result, ``score`` is the cosine, and ``query`` the number, from 0, of the
    vector that it was found with.
    """

    key: Key
    columns: dict[str, Any]
    size: tuple[int, int] | None
    score: float | None = None
    query: int = 0


def row_and_vector(
    conn: sqlite3.Connection, source: Table, values: Sequence[str]
) -> tuple[Key, np.ndarray]:
    """Return the key of the row that ``values`` name, and its unit vector, float32 (D,).

    The values are texts; the key has the types that it has in the row. Raises RowNotFoundError
    without such a row, NotEmbeddedError without a vector, and NewRowError when it is to get one.
    """
    key = tables.resolve_key(conn, source, values)
    vector = reading.vector(conn, source.name, key)
    if vector is None:
        sentence = f"row {', '.join(values)} of {source.name} can’t be compared:"
        why = _why_not_embedded(conn, source, key)
        if why is None:
            raise NewRowError(f"{sentence} it is not embedded yet")
        raise NotEmbeddedError(f"{sentence} {why}")
    return key, vector


def _why_not_embedded(conn: sqlite3.Connection, source: Table, key: Key) -> str | None:
    """Return why a row has no vector: it failed or has no picture; None if it is new."""
    reason = dict(failed_rows.read(conn, source.name)).get(key_json(key))
    if reason:
        return f"its picture could not be used: {reason}"
    embedded = registry.embedded(conn, source.name)
    if embedded and picture_column.is_empty(conn, source, embedded.column_name, key):
        return f"it has no picture, its column {embedded.column_name} is empty"
    return None


def parameter_row(
    conn: sqlite3.Connection, source: Table, parameter: str, values: Sequence[str]
) -> tuple[Key, np.ndarray]:
    """Return the key and the vector of a row that a parameter names.

    Raises RevimgError with the parameter's name when there is none: the address is about another
    row.
    """
    try:
        return row_and_vector(conn, source, values)
    except (RowNotFoundError, NotEmbeddedError) as error:
        raise RevimgError(f"{parameter}: {error}") from error


def read_rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[Row]:
    """Read the rows with these keys, in their order."""
    sizes = thumbnails.read_sizes(conn, source, keys)
    columns = tables.rows(conn, source, keys)
    return [Row(key, columns[number], sizes.get(key)) for number, key in enumerate(keys)]


def read_hits(conn: sqlite3.Connection, source: Table, hits: Sequence[Hit]) -> list[Row]:
    """Read the rows that a search has found, in their order."""
    rows = read_rows(conn, source, [hit.key for hit in hits])
    return [
        replace(row, score=hit.score, query=hit.query) for row, hit in zip(rows, hits, strict=True)
    ]


def json_columns(row: Row) -> dict[str, Any]:
    """Return the row's columns as JSON can have them, which knows no infinity: None for it."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.columns.items()
    }
