"""Top-k: the rows whose pictures are most similar to a query, one vector or several."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..store import reading, registry, tables
from ..store.connection import snapshot
from ..store.tables import Table, find
from .best import Best, Hit
from .cache import Cache, Timed
from .index import Index

# Vectors that are read at first, besides as many as are asked for.
_FIRST = 32

# The most vectors that are read, to count the rows above a minimum, where codes leave it open.
_UNDECIDED = 4096


@dataclass(frozen=True)
class Result:
    """The best rows, the best first, and the number of ``candidates`` to choose from.

    The number is None when it wasn't asked for; unless ``counted_all``, there are at least that
    many.
    """

    hits: list[Hit]
    candidates: int | None = None
    counted_all: bool = True


def top_k(
    conn: sqlite3.Connection,
    table: str,
    query: np.ndarray,
    k: int,
    *,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    among: Sequence[Key] | None = None,
    exclude: Collection[Key] = (),
    minimum: float | None = None,
    counted: bool = False,
    cache: Cache | None = None,
    group_of: Callable[[Key], Hashable] | None = None,
) -> Result:
    """Return the ``k`` rows of ``table`` with the largest cosine to ``query``, a unit vector (D,).

    A query may also be several unit vectors (m, D): a row's score is the largest of its cosines
    with them, and its hit says with which.

    The result is always exactly that of a full scan, whichever way the search goes: through all
    vectors or their codes, kept in ``cache``, or by reading vector after vector. Equal scores are
    ordered by key, so that the same question gets the same answer.

    ``where`` is an SQL condition on the source table with its ``parameters``; ``among`` are the
    keys of the rows that meet it, for a caller who knows them. Rows in ``exclude``, and rows that
    score below ``minimum``, are no candidates; they are counted if ``counted``.
    With ``group_of``, which returns a row's group or None, only the best row of each group is a
    hit; all are candidates. RevimgError for a query of another dimension, or one that isn't finite.
    """
    started = time.perf_counter()
    cache = cache or Cache()
    with snapshot(conn):
        source = find(conn, table)
        _check(conn, source, query)
        cosines = _ExactCosines(conn, source, np.atleast_2d(query).astype(np.float64))
        best = Best(k, exclude, minimum, group_of)
        index = cache.index(conn, source)
        candidates, counted_all = None, True
        if index is None:
            scored = cosines.by_condition(where, parameters)
            if among is not None:
                scored = cosines.by_keys(among)
            candidates = sum(best.offer(keys, scores) for keys, scores in scored)
        else:
            allowed = None
            if among is not None:
                allowed = index.positions(among)
            elif where or (counted and minimum is not None):
                allowed = index.positions(tables.live_keys(conn, source, where, parameters))
            _walk(index, allowed, cosines, best)
            if counted:
                candidates, counted_all = _count(index, allowed, cosines, exclude, minimum)
    ms = (time.perf_counter() - started) * 1000
    way = "vector by vector" if index is None else index.way
    cache.slot(source.name).times.append(Timed(ms, way, cosines.computed))
    return Result(best.hits(), candidates, counted_all)


def _check(conn: sqlite3.Connection, source: Table, query: np.ndarray) -> None:
    embedded = registry.embedded(conn, source.name)
    if embedded and embedded.dimension != query.shape[-1]:
        raise RevimgError(
            f"{source.name!r} holds vectors of {embedded.dimension} floats, the query has "
            f"{query.shape[-1]}: use the model that the table was embedded with"
        )
    if not np.isfinite(query).all():
        raise RevimgError("the query has numbers that are not finite")


class _ExactCosines:
    """Cosines of rows with the queries float64 (m, D), computed from their vectors in float64.

    Only rows that are in the source table now have any. ``computed`` is how many rows there were.
    """

    def __init__(self, conn: sqlite3.Connection, source: Table, queries: np.ndarray) -> None:
        self.conn, self.source, self.queries = conn, source, queries
        self.computed = 0

    def by_keys(self, keys: Sequence[Key]) -> Iterator[tuple[list[Key], np.ndarray]]:
        """Yield keys and cosines, float64 (m, n), of the rows with these keys."""
        return self._compute(reading.vectors_of(self.conn, self.source, keys))

    def by_condition(
        self, where: str, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> Iterator[tuple[list[Key], np.ndarray]]:
        """Yield keys and cosines, float64 (m, n), of the rows that meet a condition."""
        return self._compute(reading.vectors(self.conn, self.source.name, where, parameters))

    def _compute(
        self, vectors: Iterator[tuple[list[Key], np.ndarray]]
    ) -> Iterator[tuple[list[Key], np.ndarray]]:
        for keys, matrix in vectors:
            self.computed += len(keys)
            yield keys, np.vecdot(matrix.astype(np.float64), self.queries[:, np.newaxis])


def _walk(index: Index, allowed: np.ndarray | None, cosines: _ExactCosines, best: Best) -> None:
    """Read vectors in the order of the largest scores that their codes admit.

    It ends when none is left that admits as much as the k-th best has.
    """
    _, bounds = index.bounds(cosines.queries.astype(np.float32), allowed)
    size = best.k + _FIRST
    while True:
        left = np.flatnonzero((bounds >= best.threshold) & (bounds > -np.inf))
        if not len(left):
            return
        if len(left) > size:
            left = left[np.argpartition(bounds[left], -size)[-size:]]
        bounds[left] = -np.inf
        size = reading.SCAN_ROWS
        keys = index.keys(left if allowed is None else allowed[left])
        for some, scores in cosines.by_keys(keys):
            best.offer(some, scores)


def _count(
    index: Index,
    allowed: np.ndarray | None,
    cosines: _ExactCosines,
    exclude: Collection[Key],
    minimum: float | None,
) -> tuple[int, bool]:
    """Return how many candidates there are, and whether that is all of them, or a part."""
    if allowed is None:
        left_out = sum(len(keys) for keys, _ in cosines.by_keys(list(exclude)))
        return reading.count_live(cosines.conn, cosines.source) - left_out, True
    allowed = np.setdiff1d(allowed, index.positions(list(exclude)), assume_unique=True)
    if minimum is None:
        return len(allowed), True
    lower, upper = index.bounds(cosines.queries.astype(np.float32), allowed)
    certain = lower >= minimum
    undecided = allowed[(upper >= minimum) & ~certain]
    if len(undecided) > _UNDECIDED:
        return int(certain.sum()), False
    scores = [each.max(axis=0) for _, each in cosines.by_keys(index.keys(undecided))]
    return int(certain.sum()) + sum(int((part >= minimum).sum()) for part in scores), True
