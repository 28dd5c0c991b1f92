"""A table ``photos`` of which some rows have a kind, and vectors that show it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from kit.vector_tables import DIMENSION, numbered, photos, store

KINDS = ("cat", "dog", "owl")


def clouds(
    count: int, classes: int = 3, dimension: int = 64, spread: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors float32 (n, D) around a point of each class, and their classes (n,)."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(5).normal(size=(classes, dimension))
    places = np.arange(count) % classes
    rows = middles[places] + spread * rng.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), places


def vectors(count: int, seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """Return unit vectors float32 (n, D), each near those of its kind, and the kinds."""
    unit, places = clouds(count, len(KINDS), DIMENSION, spread, seed)
    return unit, [KINDS[place] for place in places]


def taught(path: str | Path, rows: int = 60, labelled: int = 30) -> sqlite3.Connection:
    """Make a database of such rows; the first ones have their ``kind``, the others none."""
    conn = photos("id integer primary key, kind text, tags text", path)
    matrix, kinds = vectors(rows)
    with conn:
        conn.executemany(
            "insert into photos (id, kind) values (?, ?)",
            [(id_, kind if id_ < labelled else None) for id_, kind in enumerate(kinds)],
        )
    store(conn, "photos", numbered(matrix))
    return conn
