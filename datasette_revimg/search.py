"""Top-k: the rows whose pictures are most similar to a query vector."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import store
from .errors import RevimgError
from .tables import Key

# How much "not like this" weighs against "like this": enough to turn the ranking, too little
# to fill it with the opposite of everything.
UNLIKE_WEIGHT = 0.5


@dataclass(frozen=True)
class Hit:
    """A row's key and the cosine of its vector and the query's."""

    key: Key
    score: float


@dataclass(frozen=True)
class Result:
    """The best rows first, and how many rows there were to choose from."""

    hits: list[Hit]
    candidates: int


def combine(like: Sequence[np.ndarray], unlike: Sequence[np.ndarray] = ()) -> np.ndarray:
    """One unit query vector, float32 (D,), of several: the mean of ``like`` minus half the mean
    of ``unlike``. (Rocchio, "Relevance feedback in information retrieval", 1971.)

    Raises RevimgError when nothing is left after the subtraction.
    """
    query = np.mean(like, axis=0, dtype=np.float64)
    if len(unlike):
        query -= UNLIKE_WEIGHT * np.mean(unlike, axis=0, dtype=np.float64)
    length = np.linalg.norm(query)
    if not length > 1e-9:
        raise RevimgError("“like” and “unlike” cancel out: give fewer or other rows")
    return np.asarray(query / length, np.float32)


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
) -> Result:
    """The ``k`` rows of ``table`` with the largest cosine to ``query``, a unit vector (D,).

    ``where`` is an SQL condition on the source table; rows in ``exclude``, and rows that score
    below ``minimum``, are no candidates. Equal scores are ordered by key, so that the same
    question gets the same answer. Raises RevimgError for a query of another dimension.
    """
    hits: list[tuple[float, _Ascending, Key]] = []
    candidates = 0
    for keys, matrix in store.vectors(conn, table, where, parameters):
        if matrix.shape[1] != len(query):
            raise RevimgError(
                f"{table!r} holds vectors of {matrix.shape[1]} floats, the query has "
                f"{len(query)}: use the model that the table was embedded with"
            )
        scores = np.vecdot(matrix, query)
        eligible = np.ones(len(keys), bool) if minimum is None else scores >= minimum
        if exclude:
            eligible &= np.fromiter((key not in exclude for key in keys), bool, len(keys))
        candidates += int(eligible.sum())
        floor = hits[0][0] if len(hits) == k else -np.inf
        for index in np.flatnonzero(eligible & (scores >= floor)):
            key = keys[index]
            item = (float(scores[index]), _Ascending(key), key)
            if len(hits) < k:
                heapq.heappush(hits, item)
            else:
                heapq.heappushpop(hits, item)
    best = sorted(hits, key=lambda hit: hit[:2], reverse=True)
    return Result([Hit(key, score) for score, _, key in best], candidates)


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
