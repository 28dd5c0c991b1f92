"""Search with what a caller names: rows by their keys, picture files, vectors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NotEmbeddedError, RevimgError
from ..keys import Key, row_path, typed_keys
from ..pictures.identity import Identity
from ..store import distributions, reading, tables
from ..store.tables import Table
from ..vectors.cosine import combine, unit_vector
from ..vectors.percentiles import Minimum
from .cache import Cache
from .expanded import expanded_query
from .tiers import read_tiers, row_identity
from .top_k import top_k


@dataclass(frozen=True)
class Query:
    """What to search with, and the key of its row, None if it has none.

    That is a unit vector float32 (D,), or several of one picture (m, D). ``picture`` is what else
    is known of a picture that is in no row.
    """

    vector: np.ndarray
    key: Key | None = None
    picture: Identity | None = None


@dataclass(frozen=True)
class Match:
    """A row whose picture is similar to the query.

    ``score`` is the cosine similarity, from -1 to 1. ``percentile``, from 0 to 100, is the share
    of the table's own pairs of pictures that are less similar, None if it is unknown. ``key``
    holds the values of the row's primary key, ``row`` its columns by name, BLOBs left out, and
    ``query`` is the number, from 0, of the vector that it was found with, where there are several.
    ``tier`` is what the score means: ``"same file"``, ``"same picture"``, ``"edited copy"`` or
    ``"similar"``; None for a score that says less, and where the table isn't calibrated, a picture
    holds too little to tell, or the query isn't one whole picture.
    """

    score: float
    percentile: float | None
    key: Key
    row: dict[str, Any]
    query: int = 0
    tier: str | None = None


def row_query(conn: sqlite3.Connection, source: Table, key: Sequence[Any]) -> Query:
    """Return the query of the row with this key.

    Raises RowNotFoundError when there is no such row, NotEmbeddedError when it has no vector.
    """
    stored = tables.resolve_key(conn, source, key)
    vector = reading.vector(conn, source.name, stored)
    if vector is None:
        raise NotEmbeddedError(f"row {row_path(stored)} of {source.name!r} has no vector")
    return Query(vector, stored)


def text_query(
    conn: sqlite3.Connection,
    source: Table,
    text: str,
    encode_file: Callable[[Path], tuple[np.ndarray, Identity]],
) -> Query:
    """Return the query that a text names: a row's key, as in its Datasette URL, or a picture file.

    ``encode_file`` returns the unit vector of a picture file, and what else is known of it. Raises
    RevimgError when the text is neither.
    """
    for key in typed_keys(text, len(source.key_columns)):
        vector = reading.vector(conn, source.name, key)
        if vector is not None:
            # As stored: "7" names the row whose key is the integer 7.
            return Query(vector, tables.resolve_key(conn, source, key))
    file = Path(text)
    if not file.is_file():
        raise RevimgError(
            f"{text!r} is neither the key of an embedded row of {source.name!r} nor a picture file"
        )
    return file_query(file, encode_file)


def file_query(file: Path, encode_file: Callable[[Path], tuple[np.ndarray, Identity]]) -> Query:
    """Return the query of a picture file."""
    vector, picture = encode_file(file)
    return Query(vector, picture=picture)


def vector_query(vector: np.ndarray, dimension: int) -> Query:
    """Return the query of a vector (D,) of any length but zero.

    Raises RevimgError when it isn't a vector of this dimension, or isn't finite.
    """
    if vector.shape != (dimension,):
        raise RevimgError(
            f"the query has the shape {vector.shape}, the table's vectors have ({dimension},): "
            "use the model that the table was embedded with"
        )
    unit = unit_vector(np.asarray(vector, "<f4").tobytes(), dimension)
    if unit is None:
        raise RevimgError("the query is all zeros, or has numbers that are not finite")
    return Query(unit)


def best_matches(
    conn: sqlite3.Connection,
    source: Table,
    like: Sequence[Query],
    unlike: Sequence[Query] = (),
    *,
    k: int,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    minimum: Minimum | None = None,
    expand: int = 0,
) -> list[Match]:
    """Return the ``k`` rows most similar to some queries and least similar to others, best first.

    The queries' own rows are left out. ``where`` is an SQL condition on the table, with its
    ``parameters``; rows below ``minimum`` are left out too. The query is expanded with as many
    results as ``expand`` says. Raises RevimgError when the queries
    cancel out, or for a minimum percentile while the table's percentiles are unknown.
    """
    distribution = distributions.read(conn, source.name)
    options: dict[str, Any] = {
        "where": where,
        "parameters": parameters,
        "exclude": {query.key for query in (*like, *unlike) if query.key is not None},
        "minimum": minimum.score(distribution) if minimum else None,
        "cache": Cache(),
    }
    combined = combine([query.vector for query in like], [query.vector for query in unlike])
    vectors, _ = expanded_query(conn, source, combined, expand, **options)
    hits = top_k(conn, source.name, vectors, k, **options).hits
    rows = tables.rows(conn, source, [hit.key for hit in hits])
    tiers = read_tiers(conn, source, None if expand else _picture(conn, source, like, unlike), hits)
    return [
        Match(
            score=hit.score,
            percentile=distribution.percentile(hit.score) if distribution else None,
            key=hit.key,
            row=row,
            query=hit.query,
            tier=tiers.of(hit.key),
        )
        for hit, row in zip(hits, rows, strict=True)
    ]


def _picture(
    conn: sqlite3.Connection, source: Table, like: Sequence[Query], unlike: Sequence[Query]
) -> Identity | None:
    """Return what is known of the picture searched with, None unless it is one whole picture."""
    if len(like) != 1 or unlike:
        return None
    (query,) = like
    if query.vector.ndim > 1:
        return None
    return query.picture if query.key is None else row_identity(conn, source, query.key)
