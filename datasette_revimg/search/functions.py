"""The SQL functions ``cosine_similarity`` and ``revimg_top``."""

from __future__ import annotations

import ctypes
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import RevimgError
from ..keys import json_value
from ..store import own_tables, registry, version
from ..store.schema import exists
from ..store.tables import find
from ..vectors.cosine import blob_cosine, unit_vector
from . import top_k
from .cache import Cache

# Most rows that revimg_top returns.
MAX_K = 1000

_switched_off: ContextVar[bool] = ContextVar("revimg_top_switched_off", default=False)


def register(conn: sqlite3.Connection, cache: Cache | None = None) -> None:
    """Give a connection ``cosine_similarity(a, b)`` and ``revimg_top(table, embedding, k)``.

    ``cache`` is that of the connection's database, where several connections share one.
    """
    conn.create_function("cosine_similarity", 2, blob_cosine(), deterministic=True)
    conn.create_function("revimg_top", 3, _top_function(conn, cache or Cache()))


@contextmanager
def without_top() -> Iterator[None]:
    """Let ``revimg_top`` answer with an error meanwhile, in this thread or task."""
    token = _switched_off.set(True)
    try:
        yield
    finally:
        _switched_off.reset(token)


def _top_function(conn: sqlite3.Connection, cache: Cache) -> Callable[[Any, Any, Any], str | None]:
    # SQLite holds on to the function. If that held on to the connection, Python could never free
    # it, and there are no weak references to connections. While the function runs, its connection
    # is alive.
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
            return json.dumps([{"error": "revimg_top: the query exceeded the time limit"}])

    return revimg_top


def _top(conn: sqlite3.Connection, cache: Cache, table: Any, embedding: Any, k: Any) -> str | None:
    """Return the ``k`` rows whose pictures are most similar to a vector, as JSON.

    It is an array of objects with ``score`` and the key's columns, best first; None without a
    vector to compare. Raises RevimgError for a table that isn't embedded, or a ``k`` that isn't 1
    to MAX_K.
    """
    if _switched_off.get():
        raise RevimgError("revimg_top can't be used in SQL that writes")
    version.check(conn, "revimg_top: this database")
    embedded = registry.embedded(conn, table) if isinstance(table, str) else None
    if embedded is None or not exists(conn, embedded.table_name):
        # Not everybody who may run a stored query may know the names of other tables.
        raise RevimgError(
            f"revimg_top: {table!r} is not an embedded table of this database; "
            "datasette revimg status lists those that are"
        )
    if not exists(conn, own_tables.vectors_table(embedded.table_name)):
        raise RevimgError(
            f"revimg_top: the vectors of {embedded.table_name!r} are gone: run "
            "`datasette revimg embed` again"
        )
    if not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise RevimgError(f"revimg_top: k must be a whole number from 1 to {MAX_K}, not {k!r}")
    query = unit_vector(embedding, embedded.dimension)
    if query is None:
        return None
    hits = top_k.top_k(conn, embedded.table_name, query, k, cache=cache).hits
    columns = find(conn, embedded.table_name).key_columns
    rows = [
        {"score": min(hit.score, 1.0), **dict(zip(columns, map(json_value, hit.key), strict=True))}
        for hit in hits
    ]
    return json.dumps(rows, ensure_ascii=False)
