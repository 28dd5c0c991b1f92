"""What looks like this row? The answer for the pages, read within one connection."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import search, store, tables
from .errors import Problem
from .tables import Key, Source


@dataclass(frozen=True)
class Row:
    """A row of the source table without its BLOBs, and the size of its picture."""

    key: Key
    columns: dict[str, Any]
    size: tuple[int, int] | None
    score: float | None = None


@dataclass(frozen=True)
class Question:
    """Rows by the text of their keys, and which rows may be the answer."""

    row: Sequence[str]
    like: Sequence[Sequence[str]]
    unlike: Sequence[Sequence[str]]
    size: int
    minimum: float | None
    where: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The rows asked with, the most similar ones, best first, and how many were compared."""

    row: Row
    like: list[Row]
    unlike: list[Row]
    rows: list[Row]
    candidates: int
    ms: float


def answer(conn: sqlite3.Connection, source: Source, question: Question) -> Answer:
    """Find the rows. Problem when a row of the question is unknown, or has no vector."""
    started = time.perf_counter()
    key, vector = asked(conn, source, question.row)
    like = [_named(conn, source, "like", values) for values in question.like]
    unlike = [_named(conn, source, "unlike", values) for values in question.unlike]
    result = search.top_k(
        conn,
        source.name,
        search.combine([vector, *(v for _, v in like)], [v for _, v in unlike]),
        question.size,
        where=question.where,
        parameters=question.values,
        exclude={key, *(key for key, _ in like + unlike)},
        minimum=question.minimum,
    )
    ms = (time.perf_counter() - started) * 1000
    return Answer(
        row=read(conn, source, [key])[0],
        like=read(conn, source, [key for key, _ in like]),
        unlike=read(conn, source, [key for key, _ in unlike]),
        rows=read(
            conn,
            source,
            [hit.key for hit in result.hits],
            [hit.score for hit in result.hits],
        ),
        candidates=result.candidates,
        ms=ms,
    )


def asked(
    conn: sqlite3.Connection, source: Source, values: Sequence[str]
) -> tuple[Key, np.ndarray]:
    """The key as its row has it, and the row's vector. Problem 404 without either."""
    name = ", ".join(values)
    keys = tables.stored_key(conn, source, values) if len(values) == len(source.key_columns) else []
    if not keys:
        raise Problem(404, f"there is no row {name} in {source.name}")
    vector = store.vector(conn, source.name, keys[0])
    if vector is None:
        reasons = dict(store.failures(conn, source.name))
        reason = reasons.get(store.pk_json(keys[0]))
        why = f"its picture could not be used: {reason}" if reason else "it is not embedded yet"
        raise Problem(404, f"row {name} of {source.name} can’t be compared, {why}")
    return keys[0], vector


def read(
    conn: sqlite3.Connection, source: Source, keys: Sequence[Key], scores: Sequence[float] = ()
) -> list[Row]:
    """The rows with these keys, in their order."""
    sizes = store.sizes(conn, source, keys)
    found = zip(keys, tables.rows(conn, source, keys), strict=True)
    return [
        Row(key, columns, sizes.get(key), scores[index] if scores else None)
        for index, (key, columns) in enumerate(found)
    ]


def _named(
    conn: sqlite3.Connection, source: Source, parameter: str, values: Sequence[str]
) -> tuple[Key, np.ndarray]:
    try:
        return asked(conn, source, values)
    except Problem as problem:
        raise Problem(400, f"{parameter}: {problem.message}") from problem
