"""``order by cosine_similarity(…)`` beside sqlite-vec's function and the naive one in numpy.

Each with SQLite's own settings and with the file mapped into memory, as the plugin does, because
that alone makes a scan of BLOBs much quicker; and an empty function: what Python costs by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import features
import generate
import harness

AIM_SQLITE_VEC_MMAP, AIM_NAIVE = 1.4, 2.5

OURS = "cosine_similarity"
OURS_READ = "cosine_similarity, without mmap"
OURS_JOIN = "cosine_similarity, a join as in README"
THEIRS = "sqlite-vec vec_distance_cosine"
THEIRS_MMAP = "sqlite-vec vec_distance_cosine, mmap"
NAIVE = "naive numpy"
NAIVE_MMAP = "naive numpy, mmap"
EMPTY_MMAP = "an empty function, mmap"


def asking(conn: sqlite3.Connection, expression: str, blobs: list[bytes]) -> Callable[[int], Any]:
    sql = f"select rowid, {expression} as s from _revimg_photos order by s desc limit {harness.K}"
    return lambda number: conn.execute(sql, [blobs[number]]).fetchall()


def main() -> None:
    parser = harness.parser(__doc__, rows=10_000)
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    harness.machine()
    file = harness.database(arguments.folder, arguments.rows)
    ours, reading = harness.ours(file), harness.ours(file, mmap=False)
    real = features.load(arguments.folder / "features.npz")
    blobs = [
        query.astype("<f4").tobytes() for query in generate.queries(ours, real, arguments.runs + 2)
    ]
    empty = harness.connect(file, mmap=True)
    empty.create_function("empty", 2, lambda a, b: 0.5, deterministic=True)
    join = (
        "select b.id, cosine_similarity(a.embedding, b.embedding) as s "
        "from _revimg_photos as a, _revimg_photos as b "
        f"where a.id = ? and b.id != a.id order by s desc limit {harness.K}"
    )
    timings = harness.race(
        {
            OURS: asking(ours, "cosine_similarity(embedding, ?)", blobs),
            OURS_READ: asking(reading, "cosine_similarity(embedding, ?)", blobs),
            OURS_JOIN: lambda number: ours.execute(join, [number + 2]).fetchall(),
            THEIRS: asking(harness.sqlite_vec(file), "-vec_distance_cosine(embedding, ?)", blobs),
            THEIRS_MMAP: asking(
                harness.sqlite_vec(file, mmap=True), "-vec_distance_cosine(embedding, ?)", blobs
            ),
            NAIVE: asking(harness.naive(file), "naive_cosine(embedding, ?)", blobs),
            NAIVE_MMAP: asking(harness.naive(file, mmap=True), "naive_cosine(embedding, ?)", blobs),
            EMPTY_MMAP: asking(empty, "empty(embedding, ?)", blobs),
        },
        arguments.runs,
    )
    harness.report(f"order by, {arguments.rows} rows", timings)
    own = timings[OURS].median
    harness.verdict(
        "sqlite-vec with mmap, ratio",
        timings[THEIRS_MMAP].median / own,
        AIM_SQLITE_VEC_MMAP,
        at_least=True,
    )
    harness.verdict("naive numpy, ratio", timings[NAIVE].median / own, AIM_NAIVE, at_least=True)


if __name__ == "__main__":
    main()
