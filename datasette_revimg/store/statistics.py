"""Statistics of what is stored for a table."""

from __future__ import annotations

import sqlite3

from . import code_tables
from .failed_rows import FAILURES
from .own_tables import thumbnails_table, vectors_table
from .schema import exists
from .sql import quote


def count_rows(conn: sqlite3.Connection, table: str) -> tuple[int, int, int]:
    """Return how many rows the source has, how many vectors there are, and how many failures."""
    failed = 0
    if exists(conn, FAILURES):
        (failed,) = conn.execute(
            f"select count(*) from {FAILURES} where table_name = ?", [table]
        ).fetchone()
    return _count(conn, table), _count(conn, vectors_table(table)), failed


def _count(conn: sqlite3.Connection, table: str) -> int:
    """Return a table's number of rows, 0 for one that is gone."""
    if not exists(conn, table):
        return 0
    (count,) = conn.execute(f"select count(*) from {quote(table)}").fetchone()
    return int(count)


def stored_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Return the bytes of the vectors, thumbnails and codes that are kept for a table."""
    size = code_tables.codes_bytes(conn, table)
    for name, column in (
        (vectors_table(table), "embedding"),
        (thumbnails_table(table), "thumbnail"),
    ):
        if exists(conn, name):
            query = f"select coalesce(sum(length({column})), 0) from {quote(name)}"
            size += conn.execute(query).fetchone()[0]
    return size
