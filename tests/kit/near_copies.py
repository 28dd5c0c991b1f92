"""Tables of pictures that are nearly the same, and their pairs by brute force."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from datasette_revimg.store import comparisons, registry, sql, tables, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.tables import Table
from datasette_revimg.store.writing import Embedding
from kit.pictures import encoded
from kit.vector_tables import Vectors, features, prepare

# Scores of pairs by the numbers that the pictures' hashes were made of, the smaller first.
Scores = dict[tuple[Any, Any], float]


def hash_of(name: object) -> bytes:
    """Return the content hash of the picture of this name."""
    return hashlib.sha256(repr(name).encode()).digest()


def thumbnail(*, plain: bool) -> bytes:
    """Return a thumbnail, of one colour or of many."""
    if plain:
        return encoded(Image.new("RGB", (40, 30), (250, 250, 248)), "WEBP")
    colours = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return encoded(Image.fromarray(colours), "WEBP")


VIVID, BLANK = thumbnail(plain=False), thumbnail(plain=True)


def add(
    conn: sqlite3.Connection,
    vectors: Vectors,
    *,
    names: Mapping[Any, object] | None = None,
    small: bytes = VIVID,
) -> None:
    """Put rows into ``photos`` with their vectors; each row's picture is another file.

    ``names`` gives the name of a row's picture, by default its key: equal names, equal files.
    """
    source = tables.find(conn, "photos")
    with conn:
        conn.executemany(
            f"insert or ignore into photos ({sql.quote_all(source.key_columns)}) "
            f"values ({sql.placeholders(len(source.key_columns))})",
            list(vectors),
        )
    prepare(conn, source, vectors)
    entries = [
        Embedding(key, vector, hash_of((names or {}).get(key, key)), small, 40, 30)
        for key, vector in vectors.items()
    ]
    writing.write(conn, source, entries, [])


def source_of(conn: sqlite3.Connection) -> tuple[Table, EmbeddedTable]:
    """Return the table ``photos`` and its record."""
    return tables.find(conn, "photos"), registry.require_embedded(conn, "photos")


def pictures(count: int, seed: int = 0) -> dict[tuple[Any, ...], np.ndarray]:
    """Return unit vectors by integer keys, some of which are nearly the same."""
    return {(number,): vector for number, vector in enumerate(features(count, seed), start=1)}


def brute_force(vectors: Vectors, minimum: float) -> Scores:
    """Return all pairs of different pictures that score ``minimum`` or more, in float64."""
    keys = list(vectors)
    matrix = np.array([vectors[key] for key in keys], np.float64)
    cosines = matrix @ matrix.T
    first, second = np.nonzero(np.triu(cosines >= minimum, 1))
    return {
        _in_order(hash_of(keys[a]), hash_of(keys[b])): float(cosines[a, b])
        for a, b in zip(first, second, strict=True)
    }


def recorded(conn: sqlite3.Connection, minimum: float) -> Scores:
    """Return the pairs that the database has."""
    hashes = {
        number: content for content, number in comparisons.read_compared(conn, "photos").items()
    }
    pairs = comparisons.read_pairs(conn, "photos", minimum)
    return {
        _in_order(hashes[int(a)], hashes[int(b)]): float(score)
        for a, b, score in zip(pairs.first, pairs.second, pairs.scores, strict=True)
    }


def _in_order(a: bytes, b: bytes) -> tuple[bytes, bytes]:
    return (a, b) if a < b else (b, a)
