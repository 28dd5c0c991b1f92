"""Tables of vectors that a test makes: no pictures and no network, only keys and numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasette_revimg.search.top_k import top_k
from datasette_revimg.store import sql, tables, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.tables import Table
from datasette_revimg.store.writing import Embedding

DIMENSION = 64

Vectors = Mapping[tuple[Any, ...], np.ndarray]


def features(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """Unit vectors float32 (n, D) that look like a network's: none negative, some directions far
    stronger than others, some rows nearly the same and some exactly."""
    rng = np.random.default_rng(seed)
    strength = 1 / np.arange(1, dimension + 1) ** 0.7
    axes, _ = np.linalg.qr(np.random.default_rng(99).normal(size=(dimension, dimension)))
    rows = np.abs(rng.normal(size=(count, dimension)) * strength @ axes)
    rows[count // 2 : count // 2 + count // 10] = rows[0] + 0.01 * np.abs(
        rng.normal(size=(count // 10, dimension))
    )
    rows[count - count // 20 :] = rows[: count // 20]
    unit: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def noise(count: int, seed: int, dimension: int = DIMENSION) -> np.ndarray:
    """Unit vectors float32 (n, D) in all directions alike, which no network makes."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def photos(
    keys: str = "id integer primary key", path: str | Path = ":memory:"
) -> sqlite3.Connection:
    """A database with an empty table ``photos``, whose key is declared by ``keys``."""
    conn = sqlite3.connect(path)
    conn.execute(f"create table photos (colour text, picture blob, {keys})")
    return conn


def photos_of(conn: sqlite3.Connection) -> Table:
    return tables.find(conn, "photos")


def prepare(conn: sqlite3.Connection, source: Table, vectors: Vectors) -> None:
    """Make the tables for such vectors of a table's rows, where they are missing."""
    record = EmbeddedTable(
        table_name=source.name,
        column_name="picture",
        kind="blob",
        base_dir=None,
        model="test",
        weights_sha256="0" * 64,
        dimension=len(next(iter(vectors.values()))),
        preprocessing="caffe",
    )
    writing.prepare(conn, source, record)


def store(conn: sqlite3.Connection, table: str, vectors: Vectors) -> None:
    """Store vectors for rows that are in a table already."""
    source = tables.find(conn, table)
    prepare(conn, source, vectors)
    entries = [
        Embedding(key, vector, b"hash", b"thumbnail", 4, 3) for key, vector in vectors.items()
    ]
    writing.write(conn, source, entries, [])


def add(conn: sqlite3.Connection, vectors: Vectors) -> None:
    """Put rows into ``photos`` with their vectors; every third one is red, the others are blue."""
    columns = (*photos_of(conn).key_columns, "colour")
    with conn:
        conn.executemany(
            f"insert or replace into photos ({sql.quote_all(columns)}) "
            f"values ({sql.placeholders(len(columns))})",
            [(*key, "blue" if number % 3 else "red") for number, key in enumerate(vectors)],
        )
    store(conn, "photos", vectors)


def numbered(vectors: np.ndarray, first: int = 0) -> dict[tuple[Any, ...], np.ndarray]:
    """Vectors by integer keys, from ``first`` on."""
    return {(first + number,): vector for number, vector in enumerate(vectors)}


def full_sort(vectors: Vectors, query: np.ndarray, k: int) -> list[tuple[Any, ...]]:
    """The keys of the k best by cosines in float64, equal ones by key."""
    exact = query.astype(np.float64)
    scored = [(-float(vector.astype(np.float64) @ exact), key) for key, vector in vectors.items()]
    return [key for _, key in sorted(scored)[:k]]


def full_sort_of_best(
    vectors: Vectors, queries: np.ndarray
) -> list[tuple[tuple[Any, ...], float, int]]:
    """Keys, the largest cosines with the queries in float64, and the first query with that.

    The best first, equal ones by key.
    """
    scored = []
    for key, vector in vectors.items():
        cosines = [float(np.vecdot(vector.astype("f8"), query.astype("f8"))) for query in queries]
        scored.append((key, max(cosines), cosines.index(max(cosines))))
    return sorted(scored, key=lambda each: (-each[1], each[0]))


def top(
    conn: sqlite3.Connection, query: np.ndarray, k: int, **options: Any
) -> list[tuple[Any, ...]]:
    """The keys of the k best, found by a search."""
    return [hit.key for hit in top_k(conn, "photos", query, k, **options).hits]
