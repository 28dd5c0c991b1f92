"""Statistics of what is stored for a table."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from . import code_tables, orientations, tables
from .failed_rows import FAILURES
from .own_tables import thumbnails_table, vectors_table, whitening_table
from .registry import EmbeddedTable
from .schema import exists
from .sql import quote


@dataclass(frozen=True)
class RowCounts:
    """Numbers of a table's rows.

    ``rows`` are all of them, ``vectors`` those embedded, ``failed`` those that couldn't be,
    ``without_picture`` those whose picture column is NULL, ``missing`` those whose file is gone.
    """

    rows: int
    vectors: int
    failed: int
    without_picture: int
    missing: int


def count_rows(conn: sqlite3.Connection, embedded: EmbeddedTable) -> RowCounts:
    """Count the rows of an embedded table: all are 0 but the vectors for one that is gone."""
    table = embedded.table_name
    without_picture = missing = 0
    if exists(conn, table):
        source = tables.find(conn, table)
        missing = _count(conn, table, f"not {source.present}")
        if embedded.column_name in source.columns:
            without_picture = _count(conn, table, f"{quote(embedded.column_name)} is null")
    return RowCounts(
        rows=_count(conn, table),
        vectors=_count(conn, vectors_table(table)),
        failed=_count(conn, FAILURES, "table_name = ?", [table]),
        without_picture=without_picture,
        missing=missing,
    )


def _count(
    conn: sqlite3.Connection, table: str, where: str = "1", parameters: Sequence[str] = ()
) -> int:
    """Return how many rows of a table meet a condition, 0 for a table that is gone."""
    if not exists(conn, table):
        return 0
    query = f"select count(*) from {quote(table)} where {where}"
    (count,) = conn.execute(query, parameters).fetchone()
    return int(count)


def stored_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Return the bytes of the vectors, thumbnails, codes and whitening kept for a table.

    Those of its turned pictures count too.
    """
    size = code_tables.codes_bytes(conn, table) + orientations.stored_bytes(conn, table)
    for name, column in (
        (vectors_table(table), "embedding"),
        (thumbnails_table(table), "thumbnail"),
        (whitening_table(table), "matrix"),
    ):
        if exists(conn, name):
            query = f"select coalesce(sum(length({column})), 0) from {quote(name)}"
            size += conn.execute(query).fetchone()[0]
    return size
