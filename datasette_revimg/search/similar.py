"""What looks like this row? The answer for the pages, read within one connection."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NotEmbeddedError, RevimgError, RowNotFoundError
from ..keys import Key, key_json
from ..store import distributions, reading, tables
from ..store.tables import Table
from ..vectors.cosine import combine
from ..vectors.percentiles import Distribution, Minimum
from . import top_k
from .cache import Cache


@dataclass(frozen=True)
class Row:
    """A row of the source table without its BLOBs, and the size of its picture."""

    key: Key
    columns: dict[str, Any]
    size: tuple[int, int] | None
    score: float | None = None


@dataclass(frozen=True)
class Question:
    """Rows by the text of their keys, and which rows may be the answer.

    ``vector`` stands for the picture that is asked about, in place of the row's own; without a
    ``row``, that picture is in no row. If no more than ``enumerated`` rows reach the minimum, the
    answer has the keys of all of them.
    """

    row: Sequence[str] | None
    like: Sequence[Sequence[str]]
    unlike: Sequence[Sequence[str]]
    size: int
    minimum: Minimum | None
    where: str
    values: dict[str, Any]
    vector: np.ndarray | None = None
    enumerated: int = 0


@dataclass(frozen=True)
class Answer:
    """The rows asked with, the most similar ones, best first, and how many there were to choose
    from: at least so many if not ``counted_all``. ``background`` tells scores' percentiles,
    ``minimum`` is the cosine that was asked for, ``keys`` are those of all that reach it, if they
    are few, and ``excluded`` those of the rows asked with."""

    row: Row | None
    like: list[Row]
    unlike: list[Row]
    rows: list[Row]
    candidates: int
    counted_all: bool
    background: Distribution | None
    ms: float
    minimum: float | None = None
    keys: list[Key] | None = None
    excluded: frozenset[Key] = frozenset()

    def percentile(self, row: Row) -> float | None:
        """Of the score of one of the ``rows``."""
        if self.background is None or row.score is None:
            return None
        return self.background.percentile(row.score)


def answer(
    conn: sqlite3.Connection, source: Table, question: Question, cache: Cache | None = None
) -> Answer:
    """Find the rows. RevimgError when a row of the question is unknown, or has no vector."""
    started = time.perf_counter()
    keys, vector = [], question.vector
    if question.row is not None:
        key, own = row_and_vector(conn, source, question.row)
        keys, vector = [key], own if vector is None else vector
    if vector is None:
        raise ValueError("a question needs a row or a vector")
    background = distributions.read(conn, source.name)
    like = [_named(conn, source, "like", values) for values in question.like]
    unlike = [_named(conn, source, "unlike", values) for values in question.unlike]
    query = combine([vector, *(v for _, v in like)], [v for _, v in unlike])
    exclude = frozenset([*keys, *(key for key, _ in like + unlike)])
    minimum = question.minimum.score(background) if question.minimum else None

    def top(k: int, counted: bool) -> top_k.Result:
        return top_k.top_k(
            conn,
            source.name,
            query,
            k,
            where=question.where,
            parameters=question.values,
            exclude=exclude,
            minimum=minimum,
            counted=counted,
            cache=cache,
        )

    result = top(question.size, True)
    candidates = result.candidates or 0
    reached = None
    if minimum is not None and result.counted_all and candidates <= question.enumerated:
        hits = result.hits if candidates <= len(result.hits) else top(candidates, False).hits
        reached = [hit.key for hit in hits]
    ms = (time.perf_counter() - started) * 1000
    return Answer(
        row=next(iter(read(conn, source, keys)), None),
        like=read(conn, source, [key for key, _ in like]),
        unlike=read(conn, source, [key for key, _ in unlike]),
        rows=read(
            conn,
            source,
            [hit.key for hit in result.hits],
            [hit.score for hit in result.hits],
        ),
        candidates=candidates,
        counted_all=result.counted_all,
        background=background,
        ms=ms,
        minimum=minimum,
        keys=reached,
        excluded=exclude,
    )


def row_and_vector(
    conn: sqlite3.Connection, source: Table, values: Sequence[str]
) -> tuple[Key, np.ndarray]:
    """The key as its row has it, and the row's vector.

    RowNotFoundError or NotEmbeddedError without.
    """
    key = stored_key(conn, source, values)
    vector = reading.vector(conn, source.name, key)
    if vector is None:
        reasons = dict(reading.failures(conn, source.name))
        reason = reasons.get(key_json(key))
        why = f"its picture could not be used: {reason}" if reason else "it is not embedded yet"
        name = ", ".join(values)
        raise NotEmbeddedError(f"row {name} of {source.name} can’t be compared, {why}")
    return key, vector


def stored_key(conn: sqlite3.Connection, source: Table, values: Sequence[str]) -> Key:
    """The key as its row has it. RowNotFoundError without."""
    keys = (
        tables.resolve_key(conn, source, values) if len(values) == len(source.key_columns) else []
    )
    if not keys:
        raise RowNotFoundError(f"there is no row {', '.join(values)} in {source.name}")
    return keys[0]


def read(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key], scores: Sequence[float] = ()
) -> list[Row]:
    """The rows with these keys, in their order."""
    sizes = reading.sizes(conn, source, keys)
    found = zip(keys, tables.rows(conn, source, keys), strict=True)
    return [
        Row(key, columns, sizes.get(key), scores[index] if scores else None)
        for index, (key, columns) in enumerate(found)
    ]


def _named(
    conn: sqlite3.Connection, source: Table, parameter: str, values: Sequence[str]
) -> tuple[Key, np.ndarray]:
    try:
        return row_and_vector(conn, source, values)
    except (RowNotFoundError, NotEmbeddedError) as error:
        raise RevimgError(f"{parameter}: {error}") from error


def finite(row: Row) -> dict[str, Any]:
    """The row's columns as JSON can have them, which knows no infinity."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.columns.items()
    }
