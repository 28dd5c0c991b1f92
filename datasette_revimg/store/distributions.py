"""The distribution of a table's cosines over its pairs of rows, from which percentiles are read.

It is a part of the state in the basis table, see ``code_tables``.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from ..vectors.percentiles import FRACTIONS, Distribution
from .code_tables import CODE_DTYPE, basis_table, is_unreadable
from .schema import exists
from .sql import quote


def read(conn: sqlite3.Connection, table: str) -> Distribution | None:
    """Return the distribution of a table's cosines, None when no pairs were sampled yet."""
    if not exists(conn, basis_table(table)) or is_unreadable(conn, table):
        return None
    row = conn.execute(
        f"select pairs, sampled, background from {quote(basis_table(table))} where number = 0"
    ).fetchone()
    pairs, vectors, blob = row or (None, None, None)
    if not isinstance(blob, bytes) or len(blob) != len(FRACTIONS) * CODE_DTYPE.itemsize:
        return None
    if not (isinstance(pairs, int) and isinstance(vectors, int)):
        return None
    return Distribution(np.frombuffer(blob, CODE_DTYPE), pairs=pairs, vectors=vectors)


def write(conn: sqlite3.Connection, table: str, distribution: Distribution) -> None:
    """Keep the distribution of a table's cosines, in place of an older one."""
    conn.execute(
        f"update {quote(basis_table(table))} set pairs = ?, sampled = ?, background = ? "
        "where number = 0",
        [
            distribution.pairs,
            distribution.vectors,
            distribution.quantiles.astype(CODE_DTYPE).tobytes(),
        ],
    )
