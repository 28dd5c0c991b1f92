"""The rows most similar to a row or a picture, refined by other rows and by conditions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..keys import Key
from ..pictures.identity import Identity
from ..store import distributions
from ..store.tables import Table
from ..vectors.cosine import combine
from ..vectors.percentiles import Distribution, Minimum
from .best import Hit
from .cache import Cache
from .expanded import expanded_query
from .rows import Row, parameter_row, read_hits, read_rows, row_and_vector
from .tiers import Tiers, read_tiers, rescored, row_identity
from .top_k import Result, top_k


class Groups(Protocol):
    """The groups of duplicates in a table; ``found``: they were looked for, found or not."""

    @property
    def found(self) -> bool: ...

    def number(self, key: Key) -> int | None:
        """Return the number of the group that a row is in, None when it has no duplicates."""

    def others(self, key: Key) -> int:
        """Return how many duplicates a row has."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A search for similar rows: its starting point, and the rows that may be the answer.

    Rows are named by the text of their keys. ``vector``, a unit vector float32 (D,), or several
    (m, D), stands for the picture to search with in place of the vector of ``row``; without a
    ``row``, that picture is in no row, and ``picture`` is what else is known of it if the vector,
    or the first of several, is that of the whole picture. The query is
    expanded with as many results as ``expand`` says (see ``vectors.expansion``). ``among`` are the
    keys of the rows to choose from, None for all. If no more than ``enumerated`` rows reach the
    ``minimum``, the answer has the keys of all of them. With ``collapse``, only the most similar
    row of each group of duplicates is a result.
    """

    row: Sequence[str] | None
    like: Sequence[Sequence[str]] = ()
    unlike: Sequence[Sequence[str]] = ()
    size: int
    minimum: Minimum | None = None
    among: Sequence[Key] | None = None
    vector: np.ndarray | None = None
    picture: Identity | None = None
    expand: int = 0
    enumerated: int = 0
    collapse: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The most similar rows, best first, and the rows that were searched with.

    ``candidates`` is the number of rows there were to choose from: at least that many, if not
    ``counted_all``. ``minimum`` is the cosine that was asked for, and ``keys`` are those of all
    rows that reach it, if they are few. ``excluded`` are the keys of the rows searched with,
    which are no results, and ``expanded`` are the rows that the query was expanded with, which may
    be results. ``distribution`` is that of the table's cosines, where it is known. ``tiers`` say
    what the scores of the ``rows`` mean, ``duplicates`` how many duplicates a row has, also
    ``row``, for those that have any; ``collapsed`` whether they are one result a group.
    """

    row: Row | None
    like: list[Row]
    unlike: list[Row]
    rows: list[Row]
    candidates: int
    counted_all: bool
    distribution: Distribution | None
    ms: float
    minimum: float | None = None
    keys: list[Key] | None = None
    excluded: frozenset[Key] = frozenset()
    expanded: list[Key] = field(default_factory=list)
    tiers: Tiers = field(default_factory=Tiers)
    duplicates: Mapping[Key, int] = field(default_factory=dict)
    collapsed: bool = False

    def percentile(self, row: Row) -> float | None:
        """Return the percentile, 0 to 100, of the score of one of the ``rows``.

        None when the table's distribution is not known.
        """
        if self.distribution is None or row.score is None:
            return None
        return self.distribution.percentile(row.score)


@dataclass(frozen=True)
class _Query:
    """The rows of a question by their keys, and what to search with.

    That is a unit vector float32 (D,), or several (m, D).
    """

    row: list[Key]
    like: list[Key]
    unlike: list[Key]
    vector: np.ndarray

    @property
    def keys(self) -> frozenset[Key]:
        return frozenset([*self.row, *self.like, *self.unlike])


def answer(
    conn: sqlite3.Connection,
    source: Table,
    question: Question,
    cache: Cache | None = None,
    groups: Groups | None = None,
) -> Answer:
    """Find the rows that a question asks for.

    ``groups`` say how many duplicates rows have, and are collapsed if the question asks for that.
    RowNotFoundError or NotEmbeddedError for its ``row``, RevimgError when another one can't be
    found, when the rows cancel out, or for a percentile of a table whose pairs were not sampled.
    """
    started = time.perf_counter()
    query = _resolve(conn, source, question)
    distribution = distributions.read(conn, source.name)
    minimum = question.minimum.score(distribution) if question.minimum else None
    options: dict[str, Any] = {
        "among": question.among,
        "exclude": query.keys,
        "minimum": minimum,
        "cache": cache,
    }
    vectors, expanded = expanded_query(conn, source, query.vector, question.expand, **options)

    def search(
        size: int, *, counted: bool = False, group_of: Callable[[Key], Hashable] | None = None
    ) -> Result:
        return top_k(
            conn, source.name, vectors, size, counted=counted, group_of=group_of, **options
        )

    collapsed = groups is not None and question.collapse and groups.found
    group_of = groups.number if groups and collapsed else None
    result = search(question.size, counted=True, group_of=group_of)
    candidates = result.candidates or 0
    keys = None
    if minimum is not None and result.counted_all and candidates <= question.enumerated:
        keys = _all_keys(result, candidates, search)
    ms = (time.perf_counter() - started) * 1000
    return Answer(
        row=next(iter(read_rows(conn, source, query.row)), None),
        like=read_rows(conn, source, query.like),
        unlike=read_rows(conn, source, query.unlike),
        rows=read_hits(conn, source, result.hits),
        candidates=candidates,
        counted_all=result.counted_all,
        distribution=distribution,
        ms=ms,
        minimum=minimum,
        keys=keys,
        excluded=query.keys,
        expanded=expanded,
        tiers=_tiers(conn, source, question, query, result.hits),
        duplicates=_duplicates(groups, [*query.row, *(hit.key for hit in result.hits)]),
        collapsed=collapsed,
    )


def _duplicates(groups: Groups | None, keys: Sequence[Key]) -> dict[Key, int]:
    if groups is None:
        return {}
    counts = {key: groups.others(key) for key in keys}
    return {key: count for key, count in counts.items() if count}


def _tiers(
    conn: sqlite3.Connection,
    source: Table,
    question: Question,
    query: _Query,
    hits: Sequence[Hit],
) -> Tiers:
    """Return the tiers of the results, which are claimed for a search with one picture alone."""
    if question.like or question.unlike or question.expand:
        return read_tiers(conn, source, None, hits)
    if question.vector is None:
        return read_tiers(conn, source, row_identity(conn, source, *query.row), hits)
    if question.picture and question.vector.ndim > 1:
        # The calibration is one of whole pictures: a part of one has more chances.
        hits = rescored(conn, source, question.vector[0], hits)
    return read_tiers(conn, source, question.picture, hits)


def _resolve(conn: sqlite3.Connection, source: Table, question: Question) -> _Query:
    row, vector = [], question.vector
    if question.row is not None:
        key, own = row_and_vector(conn, source, question.row)
        row, vector = [key], own if vector is None else vector
    if vector is None:
        raise ValueError("a question needs a row or a vector")
    like = [parameter_row(conn, source, "like", values) for values in question.like]
    unlike = [parameter_row(conn, source, "unlike", values) for values in question.unlike]
    return _Query(
        row,
        [key for key, _ in like],
        [key for key, _ in unlike],
        combine([vector, *(other for _, other in like)], [other for _, other in unlike]),
    )


def _all_keys(result: Result, candidates: int, search: Callable[[int], Result]) -> list[Key]:
    """Return the keys of all candidates.

    A second search finds them when there are more of them than hits.
    """
    hits = result.hits if candidates <= len(result.hits) else search(candidates).hits
    return [hit.key for hit in hits]
