"""The SQL functions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import numpy as np

from .store import VECTOR_DTYPE


def register(conn: sqlite3.Connection) -> None:
    """Give a connection ``cosine_similarity(a, b)``."""
    conn.create_function("cosine_similarity", 2, cosine_function(), deterministic=True)


def cosine_function() -> Callable[[Any, Any], float | None]:
    """A function of two BLOBs of little-endian float32: their cosine, in -1..1.

    None (SQL's NULL) when either isn't such a BLOB, when the lengths differ, or when a vector
    is all zeros or not finite, for which there is no cosine. In a query one side is usually the
    same in every row, so each side's last vector is kept decoded.
    """
    left = _LastVector()
    right = _LastVector()

    def cosine_similarity(a: Any, b: Any) -> float | None:
        if not isinstance(a, bytes) or not isinstance(b, bytes):
            return None
        if len(a) != len(b) or not a or len(a) % VECTOR_DTYPE.itemsize:
            return None
        (x, x_norm), (y, y_norm) = left.decoded(a), right.decoded(b)
        # Also false when a norm is NaN or infinite.
        if not 0 < x_norm * y_norm < np.inf:
            return None
        return min(1.0, max(-1.0, float(np.dot(x, y)) / (x_norm * y_norm)))

    return cosine_similarity


class _LastVector:
    """Decodes a BLOB into its vector and norm, once while the same BLOB keeps coming."""

    def __init__(self) -> None:
        self._blob: bytes | None = None
        self._vector: np.ndarray = np.empty(0, VECTOR_DTYPE)
        self._norm = 0.0

    def decoded(self, blob: bytes) -> tuple[np.ndarray, float]:
        if blob != self._blob:
            self._blob = blob
            self._vector = np.frombuffer(blob, VECTOR_DTYPE)
            self._norm = float(np.sqrt(np.dot(self._vector, self._vector)))
        return self._vector, self._norm
