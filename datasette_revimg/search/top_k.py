"""Top-k: the rows whose pictures are most similar to a query vector."""

from __future__ import annotations

import heapq
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..store import reading, registry
from ..store.connection import snapshot
from ..store.tables import Table, find
from .cache import Cache, Timed
from .index import Index

# Vectors that are read at first, besides as many as are asked for.
_FIRST = 32

# To count the rows above a minimum, so many vectors are read where codes leave it open.
_UNDECIDED = 4096


@dataclass(frozen=True)
class Hit:
    """A row's key and the cosine of its vector and the query's."""

    key: Key
    score: float


@dataclass(frozen=True)
class Result:
    """The best rows first, and how many rows there were to choose from: None when nobody asked,
    and at least so many if not ``counted_all``."""

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
    exclude: Collection[Key] = (),
    minimum: float | None = None,
    counted: bool = False,
    cache: Cache | None = None,
) -> Result:
    """The ``k`` rows of ``table`` with the largest cosine to ``query``, a unit vector (D,).

    Exact, whichever way it goes: through all vectors or their codes, kept in ``cache``, or by
    reading vector after vector. ``where`` is an SQL condition on the source table; rows in
    ``exclude``, and rows that score below ``minimum``, are no candidates, of which ``counted``
    tells the number. Equal scores are ordered by key, so that the same question gets the same
    answer. Raises RevimgError for a query of another dimension, or that isn't finite.
    """
    started = time.perf_counter()
    cache = cache or Cache()
    with snapshot(conn):
        source = find(conn, table)
        _check(conn, source, query)
        exact = _Exact(conn, source, query.astype(np.float64))
        best = _Best(k, exclude, minimum)
        index = cache.index(conn, source)
        candidates, counted_all = None, True
        if index is None:
            candidates = _scan(exact, best, where, parameters)
        else:
            allowed = None
            if where or (counted and minimum is not None):
                allowed = index.positions(reading.live_keys(conn, source, where, parameters))
            _walk(index, allowed, exact, best)
            if counted:
                candidates, counted_all = _count(index, allowed, exact, exclude, minimum)
    ms = (time.perf_counter() - started) * 1000
    way = index.way if index else "vector by vector"
    cache.slot(source.name).times.append(Timed(time.time(), ms, way, exact.compared))
    return Result(best.hits(), candidates, counted_all)


def _check(conn: sqlite3.Connection, source: Table, query: np.ndarray) -> None:
    embedded = registry.embedded(conn, source.name)
    if embedded and embedded.dimension != len(query):
        raise RevimgError(
            f"{source.name!r} holds vectors of {embedded.dimension} floats, the query has "
            f"{len(query)}: use the model that the table was embedded with"
        )
    if not np.isfinite(query).all():
        raise RevimgError("the query has numbers that are not finite")


class _Exact:
    """Cosines of rows with the query float64 (D,), computed from their vectors in float64.

    Only of rows that are in the source table now. Counts how many it has ``compared``.
    """

    def __init__(self, conn: sqlite3.Connection, source: Table, query: np.ndarray) -> None:
        self.conn, self.source, self.query = conn, source, query
        self.compared = 0

    def of(self, keys: Sequence[Key]) -> Iterator[tuple[list[Key], np.ndarray]]:
        """Of the rows with these keys."""
        return self._scored(reading.vectors_of(self.conn, self.source, keys))

    def of_all(
        self, where: str, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> Iterator[tuple[list[Key], np.ndarray]]:
        """Of the rows that meet a condition."""
        return self._scored(reading.vectors(self.conn, self.source.name, where, parameters))

    def _scored(
        self, vectors: Iterator[tuple[list[Key], np.ndarray]]
    ) -> Iterator[tuple[list[Key], np.ndarray]]:
        for keys, matrix in vectors:
            self.compared += len(keys)
            yield keys, np.vecdot(matrix.astype(np.float64), self.query)


class _Best:
    """The k best of the rows offered so far, in a heap whose first is the worst of them."""

    def __init__(self, k: int, exclude: Collection[Key], minimum: float | None) -> None:
        self.k, self.exclude = k, exclude
        self.minimum = -np.inf if minimum is None else minimum
        self._heap: list[tuple[float, _Ascending, Key]] = []

    @property
    def threshold(self) -> float:
        """A row that scores less can't be among the best."""
        return self._heap[0][0] if len(self._heap) == self.k else self.minimum

    def offer(self, keys: list[Key], scores: np.ndarray) -> int:
        """Returns how many of them are candidates."""
        eligible = scores >= self.minimum
        if self.exclude:
            eligible &= np.fromiter((key not in self.exclude for key in keys), bool, len(keys))
        for place in np.flatnonzero(eligible & (scores >= self.threshold)):
            key = keys[place]
            item = (float(scores[place]), _Ascending(key), key)
            if len(self._heap) < self.k:
                heapq.heappush(self._heap, item)
            else:
                heapq.heappushpop(self._heap, item)
        return int(eligible.sum())

    def hits(self) -> list[Hit]:
        best = sorted(self._heap, key=lambda item: item[:2], reverse=True)
        return [Hit(key, score) for score, _, key in best]


def _scan(
    exact: _Exact, best: _Best, where: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> int:
    """Read every vector; how many were candidates."""
    return sum(best.offer(keys, scores) for keys, scores in exact.of_all(where, parameters))


def _walk(index: Index, allowed: np.ndarray | None, exact: _Exact, best: _Best) -> None:
    """Read vectors in the order of the largest scores that their codes admit, until none is left
    that admits as much as the k-th best has."""
    estimates, margins = index.bounds(exact.query.astype(np.float32), allowed)
    bounds = estimates + margins
    size = best.k + _FIRST
    while True:
        left = np.flatnonzero((bounds >= best.threshold) & (bounds > -np.inf))
        if not len(left):
            return
        if len(left) > size:
            left = left[np.argpartition(bounds[left], -size)[-size:]]
        bounds[left] = -np.inf
        size = reading.SCAN_ROWS
        for keys, scores in exact.of(index.keys(left if allowed is None else allowed[left])):
            best.offer(keys, scores)


def _count(
    index: Index,
    allowed: np.ndarray | None,
    exact: _Exact,
    exclude: Collection[Key],
    minimum: float | None,
) -> tuple[int, bool]:
    """How many candidates there are, and whether that is all, or at least so many."""
    if allowed is None:
        left_out = sum(len(keys) for keys, _ in exact.of(list(exclude)))
        return reading.count_live(exact.conn, exact.source) - left_out, True
    allowed = np.setdiff1d(allowed, index.positions(list(exclude)), assume_unique=True)
    if minimum is None:
        return len(allowed), True
    estimates, margins = index.bounds(exact.query.astype(np.float32), allowed)
    certain = estimates - margins >= minimum
    undecided = allowed[(estimates + margins >= minimum) & ~certain]
    if len(undecided) > _UNDECIDED:
        return int(certain.sum()), False
    scores = [scores for _, scores in exact.of(index.keys(undecided))]
    return int(certain.sum()) + sum(int((part >= minimum).sum()) for part in scores), True


class _Ascending:
    """A key that counts as larger the earlier it comes, in SQLite's order of mixed types."""

    __slots__ = ("rank",)

    def __init__(self, key: Key) -> None:
        self.rank = [
            (2, part) if isinstance(part, bytes) else (isinstance(part, str), part) for part in key
        ]

    def __lt__(self, other: _Ascending) -> bool:
        return self.rank > other.rank

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ascending) and self.rank == other.rank

    __hash__ = None  # type: ignore[assignment]
