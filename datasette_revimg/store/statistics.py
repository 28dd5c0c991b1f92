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
    (vectors,) = conn.execute(f"select count(*) from {quote(vectors_table(table))}").fetchone()
    (failed,) = conn.execute(
        f"select count(*) from {FAILURES} where table_name = ?", [table]
    ).fetchone()
    rows = 0
    if exists(conn, table):
        (rows,) = conn.execute(f"select count(*) from {quote(table)}").fetchone()
    return rows, vectors, failed


def stored_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Return the bytes of the vectors, thumbnails and codes that are kept for a table."""
    (vectors,) = conn.execute(
        f"select coalesce(sum(length(embedding)), 0) from {quote(vectors_table(table))}"
    ).fetchone()
    (thumbnails,) = conn.execute(
        f"select coalesce(sum(length(thumbnail)), 0) from {quote(thumbnails_table(table))}"
    ).fetchone()
    return int(vectors + thumbnails) + code_tables.codes_bytes(conn, table)
