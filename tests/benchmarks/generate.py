"""Databases of 4096-float vectors between real ones: ``python generate.py --folder F --rows N``

A row is a mix of two to four real vectors and the difference of two more as noise, so that the
noise has the covariance of real features: a continuum, where the tenth neighbour is hardly
nearer than the hundredth, instead of clusters that any index tells apart. Some rows are copies
of others, some nearly. The first rows of a large database are those of a smaller one.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import features
import harness
from datasette_revimg.store import connection, tables, upkeep, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding
from datasette_revimg.vectors.cosine import VECTOR_DTYPE

SEED = 1914
BATCH = 2000

# How evenly several vectors are mixed (the parameter of the Dirichlet distribution), and the
# length of the noise beside the mix.
EVENNESS, NOISE = 0.5, 0.35

COPIES, NEAR_COPIES, NEAR_NOISE = 0.01, 0.02, 0.03

COLOURS = ("red", "green", "blue", "grey")
FIRST_YEAR, YEARS = 1900, 120


def batches(real: np.ndarray, rows: int, seed: int = SEED) -> Iterator[np.ndarray]:
    """Unit vectors float32 (n, 4096), ``rows`` in all."""
    for start in range(0, rows, BATCH):
        # Seeded by its place, so that a batch doesn't depend on how many there are.
        batch = _batch(real, np.random.default_rng((seed, start)))
        yield batch[: rows - start]


def _batch(real: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shares = rng.gamma(EVENNESS, size=(BATCH, 4)).astype(np.float32)
    shares *= np.arange(4) < rng.integers(2, 5, (BATCH, 1))
    shares /= shares.sum(1, keepdims=True)
    vectors = np.zeros((BATCH, real.shape[1]), np.float32)
    for share in shares.T:
        vectors += share[:, None] * real[rng.integers(0, len(real), BATCH)]
    _normalise(vectors)
    vectors = _noisy(vectors, real, NOISE, rng)
    chosen = rng.random(BATCH)
    for index in np.flatnonzero(chosen < COPIES + NEAR_COPIES):
        vectors[index] = vectors[rng.integers(0, BATCH)]
    near = np.flatnonzero((chosen >= COPIES) & (chosen < COPIES + NEAR_COPIES))
    vectors[near] = _noisy(vectors[near], real, NEAR_NOISE, rng)
    return vectors


def _noisy(
    vectors: np.ndarray, real: np.ndarray, length: float, rng: np.random.Generator
) -> np.ndarray:
    first, second = rng.integers(0, len(real), (2, len(vectors)))
    noise = real[first] - real[second]
    lengths = np.linalg.norm(noise, axis=1, keepdims=True)
    noisy = np.maximum(vectors + noise * (length / np.maximum(lengths, 1e-6)), 0)
    return _normalise(noisy)


def _normalise(vectors: np.ndarray) -> np.ndarray:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def queries(conn: sqlite3.Connection, real: np.ndarray, count: int) -> np.ndarray:
    """float32 (count, 4096): half are rows of the table, the others new, real ones among them."""
    rng = np.random.default_rng(SEED + 1)
    stored = conn.execute("select rowid from _revimg_photos order by rowid").fetchall()
    chosen = [stored[index][0] for index in rng.integers(0, len(stored), count // 2)]
    found = [
        np.frombuffer(
            conn.execute(
                "select embedding from _revimg_photos where rowid = ?", [rowid]
            ).fetchone()[0],
            VECTOR_DTYPE,
        )
        for rowid in chosen
    ]
    new = next(batches(real, count // 4, SEED + 2))
    rest = real[rng.integers(0, len(real), count - len(found) - len(new))]
    return np.concatenate([found, new, rest])


def keys(start: int, count: int, key: str) -> list[tuple[int | str]]:
    numbers = range(start + 1, start + count + 1)
    if key == "integer":
        return [(number,) for number in numbers]
    return [(f"archive/{number % 97:02}/{number:07}.jpg",) for number in numbers]


def thumbnail() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), (40, 90, 160)).save(buffer, "WEBP")
    return buffer.getvalue()


def entries(vectors: np.ndarray, names: list[tuple[int | str]]) -> list[Embedding]:
    small = thumbnail()
    return [
        Embedding(name, vector, hashlib.sha256(repr(name).encode()).digest(), small, 4, 3)
        for name, vector in zip(names, vectors, strict=True)
    ]


def create(conn: sqlite3.Connection, key: str) -> tables.Table:
    """The source table and what ``store`` keeps beside it, empty, where they are missing."""
    column = "id integer primary key" if key == "integer" else "path text primary key"
    conn.execute(
        f"create table if not exists photos ({column}, colour text, year integer, picture blob)"
    )
    source = tables.find(conn, "photos")
    record = EmbeddedTable(
        table_name="photos",
        column_name="picture",
        kind="blob",
        base_dir=None,
        model="vgg16-fc2",
        weights_sha256="0" * 64,
        dimension=4096,
        preprocessing="caffe",
    )
    writing.prepare(conn, source, record)
    return source


def add_sources(conn: sqlite3.Connection, names: list[tuple[int | str]], start: int) -> None:
    conn.executemany(
        "insert into photos values (?, ?, ?, null)",
        [
            (*name, COLOURS[number % len(COLOURS)], FIRST_YEAR + number * 7 % YEARS)
            for number, name in enumerate(names, start)
        ],
    )


def build(file: Path, real: np.ndarray, rows: int, key: str) -> None:
    """Write the database, through a name of its own until it is whole."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    conn = connection.connect(unfinished, create=True)
    # Nobody misses what a crash leaves of it.
    conn.execute("pragma journal_mode = off")
    conn.execute("pragma synchronous = off")
    source = create(conn, key)
    begin, start = time.perf_counter(), 0
    for vectors in batches(real, rows):
        names = keys(start, len(vectors), key)
        with conn:
            add_sources(conn, names, start)
        writing.write(conn, source, entries(vectors, names), [])
        start += len(vectors)
        print(f"\r{file.name}: {start} rows, {time.perf_counter() - begin:.0f} s", end="")
    print()
    begin = time.perf_counter()
    upkeep.finish(conn, source)
    print(f"{file.name}: codes, {time.perf_counter() - begin:.0f} s")
    conn.close()
    unfinished.rename(file)


def describe(name: str, vectors: np.ndarray, sample: int = 4000) -> None:
    """Print how many directions explain how much, and how near the nearest are."""
    rng = np.random.default_rng(0)
    some = vectors[rng.permutation(len(vectors))[:sample]].astype(np.float64)
    centred = some - some.mean(0)
    variances = np.sort(np.linalg.eigvalsh(centred @ centred.T))[::-1]
    explained = np.cumsum(variances) / variances.sum()
    shares = ", ".join(f"d={d} {explained[d - 1]:.0%}" for d in (128, 256, 512))
    cosines = some @ some.T
    pairs = cosines[np.triu_indices(len(some), 1)]
    np.fill_diagonal(cosines, -1)
    ordered = np.sort(cosines, axis=1)[:, ::-1]
    print(f"{name}: {len(some)} vectors, variance explained by {shares}")
    for label, values in (("best", ordered[:, 0]), ("10th", ordered[:, 9]), ("pairs", pairs)):
        percentiles = np.percentile(values, (5, 50, 95))
        print(
            f"  cosine, {label:5}: 5 %, 50 %, 95 % are", *(f"{value:.3f}" for value in percentiles)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--features", type=Path, help="default: features.npz in the folder")
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--key", choices=("integer", "text"), default="integer")
    arguments = parser.parse_args()
    real = features.load(arguments.features or arguments.folder / "features.npz")
    describe("real", real)
    describe("generated", np.concatenate(list(batches(real, 20_000))), 4000)
    for rows in arguments.rows:
        file = arguments.folder / harness.name(rows, arguments.key)
        if not file.exists():
            build(file, real, rows, arguments.key)
        else:
            print(f"{file.name} is there already")
            with contextlib.closing(connection.connect(file)) as conn:
                upkeep.finish(conn, create(conn, arguments.key))


if __name__ == "__main__":
    main()
