"""The SQL functions."""

from __future__ import annotations

import ctypes
import json
import math
import sqlite3
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import RevimgError
from ..keys import json_value
from ..store import registry
from ..store.registry import VECTOR_DTYPE
from ..store.tables import find
from . import top_k
from .cache import Cache

# Most rows that revimg_top returns.
MAX_K = 1000


def register(conn: sqlite3.Connection, cache: Cache | None = None) -> None:
    """Give a connection ``cosine_similarity(a, b)`` and ``revimg_top(table, embedding, k)``.

    ``cache`` is that of the connection's database, if several connections share one.
    """
    conn.create_function("cosine_similarity", 2, cosine_function(), deterministic=True)
    conn.create_function("revimg_top", 3, _top_function(conn, cache or Cache()))


def cosine_function() -> Callable[[Any, Any], float | None]:
    """A function of two BLOBs of little-endian float32: their cosine, in -1..1.

    None (SQL's NULL) when either isn't such a BLOB, when the lengths differ, or when a vector
    is all zeros or not finite, for which there is no cosine. In a query one side is usually the
    same in every row: that one is kept decoded, whichever it is.
    """
    # Called for every row: local names and few calls are what makes it fast, and a method is
    # quicker to call than np.dot. What changes from row to row isn't kept, so that its memory is
    # used again while it is in the processor's cache.
    decode, root, dtype, infinity = np.frombuffer, math.sqrt, VECTOR_DTYPE, math.inf
    nothing = np.empty(0, dtype)
    a_blob, a_dot, a_norm = b"", nothing.dot, 0.0
    b_blob, b_dot, b_norm = b"", nothing.dot, 0.0

    def cosine_similarity(a: Any, b: Any) -> float | None:
        nonlocal a_blob, a_dot, a_norm, b_blob, b_dot, b_norm
        try:
            if b == b_blob:
                x = decode(a, dtype)
                norms, product = b_norm * root(x.dot(x)), b_dot(x)
            elif a == a_blob:
                x = decode(b, dtype)
                norms, product = a_norm * root(x.dot(x)), a_dot(x)
            else:
                x, y = decode(a, dtype), decode(b, dtype)
                a_blob, a_dot, a_norm = a, x.dot, root(x.dot(x))
                b_blob, b_dot, b_norm = b, y.dot, root(y.dot(y))
                norms, product = a_norm * b_norm, a_dot(y)
        except (TypeError, ValueError):
            # No BLOB, no whole number of floats, or not as many as the other has.
            return None
        # Also false when a norm is NaN or infinite.
        if not 0.0 < norms < infinity:
            return None
        cosine = float(product) / norms
        return 1.0 if cosine > 1.0 else -1.0 if cosine < -1.0 else cosine

    return cosine_similarity


def _top_function(conn: sqlite3.Connection, cache: Cache) -> Callable[[Any, Any, Any], str | None]:
    # SQLite holds the function, and the function the connection: Python couldn't see that nobody
    # else does, and it has no weak references to connections. While the function runs, its
    # connection is alive.
    address = id(conn)

    def revimg_top(table: Any, embedding: Any, k: Any) -> str | None:
        own: sqlite3.Connection = ctypes.cast(address, ctypes.py_object).value
        try:
            return _top(own, cache, table, embedding, k)
        except RevimgError as error:
            # An exception would reach the user without its message.
            return json.dumps([{"error": str(error)}], ensure_ascii=False)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return json.dumps([{"error": "revimg_top: the time limit of queries is over"}])

    return revimg_top


def _top(conn: sqlite3.Connection, cache: Cache, table: Any, embedding: Any, k: Any) -> str | None:
    """The ``k`` rows whose pictures are most similar to a vector, as a JSON array of objects with
    ``score`` and the key's columns, best first; None without a vector that can be compared.

    RevimgError for a table that isn't embedded, or a ``k`` that isn't 1 to MAX_K.
    """
    embedded = registry.embedded(conn, table) if isinstance(table, str) else None
    if embedded is None:
        known = ", ".join(repr(other.table_name) for other in registry.embedded_tables(conn))
        raise RevimgError(
            f"revimg_top: {table!r} is not an embedded table of this database; "
            + (f"these are: {known}" if known else "none is")
        )
    if not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise RevimgError(f"revimg_top: k must be a whole number from 1 to {MAX_K}, not {k!r}")
    query = _unit_vector(embedding, embedded.dimension)
    if query is None:
        return None
    hits = top_k.top_k(conn, embedded.table_name, query, k, cache=cache).hits
    columns = find(conn, embedded.table_name).key_columns
    return json.dumps(
        [
            {
                "score": hit.score,
                **{name: json_value(part) for name, part in zip(columns, hit.key, strict=True)},
            }
            for hit in hits
        ],
        ensure_ascii=False,
    )


def _unit_vector(blob: Any, dimension: int) -> np.ndarray | None:
    if not isinstance(blob, bytes) or len(blob) != dimension * VECTOR_DTYPE.itemsize:
        return None
    vector = np.frombuffer(blob, VECTOR_DTYPE)
    length = math.sqrt(np.dot(vector, vector))
    if not 0.0 < length < math.inf:
        return None
    return np.asarray(vector / np.float32(length))
