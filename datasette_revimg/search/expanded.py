"""A query that is expanded with the best of its own results."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np

from ..keys import Key
from ..store import reading
from ..store.connection import snapshot
from ..store.tables import Table
from ..vectors.expansion import expand
from .top_k import top_k


def expanded_query(
    conn: sqlite3.Connection, source: Table, query: np.ndarray, count: int, **options: Any
) -> tuple[np.ndarray, list[Key]]:
    """Return a query expanded with its ``count`` best results, and the keys of these.

    The query is a unit vector float32 (D,), or several (m, D), and so is what is returned.
    ``options`` are those of ``top_k``. Without results, or for a ``count`` of 0, the query stays as
    it is.
    """
    if not count:
        return query, []
    with snapshot(conn):
        keys = [hit.key for hit in top_k(conn, source.name, query, count, **options).hits]
        vectors = [
            vector for _, matrix in reading.vectors_of(conn, source, keys) for vector in matrix
        ]
    if not vectors:
        return query, []
    return expand(np.atleast_2d(query), np.stack(vectors)).reshape(query.shape), keys
