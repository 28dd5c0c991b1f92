"""The right answers: a scan of every vector, in float64."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import harness
from datasette_revimg.vectors.cosine import VECTOR_DTYPE

CHUNK = 2048


def kth_scores(conn: sqlite3.Connection, file: Path, queries: np.ndarray) -> np.ndarray:
    """The cosine of the tenth best row for each query, float64; kept beside the database."""
    kept = file.with_suffix(".truth.npz")
    if kept.is_file():
        stored = np.load(kept)
        if np.array_equal(stored["queries"], queries):
            return np.asarray(stored["kth"])
    units = _units(queries)
    best = np.full((len(queries), 0), -1.0)
    cursor = conn.execute("select embedding from _revimg_photos")
    while rows := cursor.fetchmany(CHUNK):
        matrix = _units(np.frombuffer(b"".join(row[0] for row in rows), VECTOR_DTYPE))
        best = np.concatenate([best, units @ matrix.T], axis=1)
        best = -np.partition(-best, harness.K - 1, axis=1)[:, : harness.K]
    kth = best.min(1)
    np.savez(kept, queries=queries, kth=kth)
    return np.asarray(kth)


def scores(
    conn: sqlite3.Connection, column: str, keys: Sequence[Any], query: np.ndarray
) -> np.ndarray:
    """The cosines of some rows, float64."""
    wanted = f"select embedding from _revimg_photos where {column} = ?"
    blobs = [conn.execute(wanted, [key]).fetchone()[0] for key in keys]
    return np.asarray(_units(np.frombuffer(b"".join(blobs), VECTOR_DTYPE)) @ _units(query)[0])


def _units(vectors: np.ndarray) -> np.ndarray:
    """float64 (n, 4096) of length 1 up to float64's own rounding."""
    exact = vectors.reshape(-1, harness.DIMENSION).astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True))
