"""The ten most similar rows, warm: time and recall against sqlite-vec's two ways.

sqlite-vec is asked as its documentation does: ``vec_distance_cosine`` over an ordinary table, and
the KNN of a vec0 table, which is made beside the database when it isn't there yet. Every
contestant answers the same queries, in turn.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import features
import generate
import harness
import truth
from datasette_revimg.vectors.cosine import VECTOR_DTYPE

# In milliseconds, and how many times faster than sqlite-vec's function and its KNN.
AIMS = {10_000: 8.0, 100_000: 25.0, 1_000_000: 200.0}
AIM_FUNCTION, AIM_KNN = 40, 30

# Beyond, a vec0 table would need as much disk again.
MOST_ROWS_OF_VEC0 = 100_000

VEC0_CACHE_KIB = 256 << 10

# float32 rounds a cosine by about this much, which can swap two rows that are nearer still.
ROUNDING = 1e-6

FUNCTION = "sqlite-vec vec_distance_cosine"
FUNCTION_MMAP = "sqlite-vec vec_distance_cosine, mmap"
KNN = "sqlite-vec vec0 KNN"
KNN_MMAP = "sqlite-vec vec0 KNN, mmap"
OURS = "revimg_top"
MATRIX = "all vectors in memory, numpy"


def vec0(file: Path, conn: sqlite3.Connection, *, mmap: bool = False) -> sqlite3.Connection:
    """A connection to a database with the same vectors in a vec0 table.

    By its default distance, L2, which orders vectors of length 1 as the cosine does, and is the
    quicker of the two.
    """
    other = file.with_suffix(".vec0.db")
    if not other.is_file():
        unfinished = other.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        made = harness.sqlite_vec(unfinished)
        # It fills blobs of 16 MB one vector after another: with SQLite's usual cache of 2 MB and
        # a journal that takes minutes.
        made.execute("pragma journal_mode = off")
        made.execute("pragma synchronous = off")
        made.execute(f"pragma cache_size = {-VEC0_CACHE_KIB}")
        made.execute(
            "create virtual table vectors using vec0("
            f"id integer primary key, embedding float[{harness.DIMENSION}])"
        )
        with made:
            made.executemany(
                "insert into vectors(id, embedding) values (?, ?)",
                conn.execute("select rowid, embedding from _revimg_photos"),
            )
        made.close()
        unfinished.rename(other)
    return harness.sqlite_vec(other, mmap=mmap)


def matrix(conn: sqlite3.Connection, rows: int) -> np.ndarray:
    """All vectors, float32 (rows, 4096)."""
    everything = np.empty((rows, harness.DIMENSION), np.float32)
    for row, (blob,) in enumerate(conn.execute("select embedding from _revimg_photos")):
        everything[row] = np.frombuffer(blob, VECTOR_DTYPE)
    return everything


def contestants(
    file: Path, queries: np.ndarray, rows: int, memory: bool
) -> dict[str, Callable[[int], Any]]:
    """By name, a function of the number of the query."""
    blobs = [query.astype("<f4").tobytes() for query in queries]
    own = harness.ours(file)
    theirs, mapped = harness.sqlite_vec(file), harness.sqlite_vec(file, mmap=True)
    ordered = (
        "select rowid, vec_distance_cosine(embedding, ?) as distance from _revimg_photos "
        "order by distance limit ?"
    )
    found: dict[str, Callable[[int], Any]] = {}
    if harness.has_function(own, "revimg_top"):
        found[OURS] = lambda number: own.execute(
            "select revimg_top('photos', ?, ?)", [blobs[number], harness.K]
        ).fetchone()[0]
    if memory:
        everything = matrix(theirs, rows)
        found[MATRIX] = lambda number: np.argpartition(everything @ queries[number], -harness.K)[
            -harness.K :
        ]
    found[FUNCTION] = lambda number: theirs.execute(ordered, [blobs[number], harness.K]).fetchall()
    found[FUNCTION_MMAP] = lambda number: mapped.execute(
        ordered, [blobs[number], harness.K]
    ).fetchall()
    if rows <= MOST_ROWS_OF_VEC0:
        nearest = (
            "select id, distance from vectors where embedding match ? and k = ? order by distance"
        )
        knn, knn_mapped = vec0(file, theirs), vec0(file, theirs, mmap=True)
        found[KNN] = lambda number: knn.execute(nearest, [blobs[number], harness.K]).fetchall()
        found[KNN_MMAP] = lambda number: knn_mapped.execute(
            nearest, [blobs[number], harness.K]
        ).fetchall()
    return found


def recall(file: Path, queries: np.ndarray) -> tuple[float, float, float, harness.Timing]:
    """The share of returned rows that belong there: exactly, and up to float32's rounding; the
    largest error of a score; and what the queries took, one after the other.

    A row belongs there when its true cosine is at least the true tenth's, so that it doesn't
    matter which of several equal ones is returned.
    """
    conn = harness.ours(file)
    kth = truth.kth_scores(conn, file, queries)
    exact = close = 0
    worst = 0.0
    taken: list[float] = []
    for query, tenth in zip(queries, kth, strict=True):
        start = time.perf_counter()
        (answer,) = conn.execute(
            "select revimg_top('photos', ?, ?)", [query.astype("<f4").tobytes(), harness.K]
        ).fetchone()
        taken.append((time.perf_counter() - start) * 1000)
        hits = json.loads(answer)
        (column,) = set(hits[0]) - {"score"}
        keys = list(dict.fromkeys(hit[column] for hit in hits))
        true = truth.scores(conn, column, keys, query)
        exact += int((true >= tenth - 1e-12).sum())
        close += int((true >= tenth - ROUNDING).sum())
        worst = max(worst, float(np.abs(true - [hit["score"] for hit in hits]).max()))
    wanted = harness.K * len(queries)
    return exact / wanted, close / wanted, worst, harness.Timing(taken[1:])


def main() -> None:
    parser = harness.parser(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--key", choices=("integer", "text"), default="integer")
    parser.add_argument("--features", type=Path, help="default: features.npz in the folder")
    parser.add_argument("--runs", type=int, default=9, help="fewer for a million rows")
    parser.add_argument("--queries", type=int, default=200, help="to measure the recall with")
    parser.add_argument(
        "--memory", action="store_true", help="time numpy with all vectors in memory too"
    )
    arguments = parser.parse_args()
    harness.machine()
    real = features.load(arguments.features or arguments.folder / "features.npz")
    for rows in arguments.rows:
        file = harness.database(arguments.folder, rows, arguments.key)
        queries = generate.queries(harness.connect(file), real, arguments.queries)
        # Stored and new ones, in turn: the stored come first.
        mixed = queries[np.random.default_rng(0).permutation(len(queries))]
        timings = harness.race(contestants(file, mixed, rows, arguments.memory), arguments.runs)
        harness.report(f"{rows} rows, {arguments.key} keys", timings)
        if OURS not in timings:
            print("revimg_top isn't there: nothing to judge")
            continue
        ours = timings[OURS].median
        if rows in AIMS:
            harness.verdict(f"revimg_top of {rows} rows, ms", ours, AIMS[rows])
        if rows == 100_000:
            quicker = min(timings[FUNCTION].median, timings[FUNCTION_MMAP].median)
            harness.verdict(
                f"{FUNCTION}, ratio", timings[FUNCTION].median / ours, AIM_FUNCTION, at_least=True
            )
            print(f"  with mmap, where that is quicker: {quicker / ours:.1f}")
            harness.verdict(f"{KNN}, ratio", timings[KNN].median / ours, AIM_KNN, at_least=True)
        exact, close, worst, timing = recall(file, queries)
        harness.verdict(f"recall@{harness.K} of {len(queries)} queries", exact, 1, at_least=True)
        print(f"  up to {ROUNDING:g}: {close:.6g}; largest error of a score: {worst:.2g}")
        print(
            f"  each alone: median {timing.median:.1f}, 95 % {timing.p95:.1f}, "
            f"slowest {max(timing.runs):.1f} ms\n"
        )


if __name__ == "__main__":
    main()
