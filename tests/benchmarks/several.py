"""A search with several vectors at once, as of a picture and its parts, beside one with one.

Both search the same table through the same codes, in turns. The vectors are a row's own and mixes
of it with other rows, as similar to it as the parts of a picture are to the whole.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from pathlib import Path

import numpy as np

import harness
from datasette_revimg.search.cache import Cache
from datasette_revimg.search.top_k import top_k
from datasette_revimg.store import connection
from datasette_revimg.vectors.cosine import VECTOR_DTYPE

# Times that one vector takes.
AIM = 3.0

# The length of what a part has of its own, beside the picture's vector.
OWN = 1.5


def random_vectors(conn: sqlite3.Connection, rng: np.random.Generator, count: int) -> np.ndarray:
    """Vectors of as many rows, float32 (count, D)."""
    (last,) = conn.execute("select max(rowid) from _revimg_photos").fetchone()
    sql = "select embedding from _revimg_photos where rowid >= ? order by rowid limit 1"
    blobs = [
        conn.execute(sql, [int(rng.integers(1, last + 1))]).fetchone()[0] for _ in range(count)
    ]
    return np.stack([np.frombuffer(blob, VECTOR_DTYPE) for blob in blobs])


def parts(vectors: np.ndarray) -> np.ndarray:
    """The first vector, and mixes of it with each of the others."""
    mixed = vectors[0] + OWN * vectors
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    return np.asarray(mixed, np.float32)


def main() -> None:
    parser = harness.parser(__doc__, rows=100_000)
    parser.add_argument("--count", type=int, default=8, help="the number of vectors")
    parser.add_argument("--queries", type=int, default=30)
    arguments = parser.parse_args()
    file: Path = harness.database(arguments.folder, arguments.rows)
    conn, cache, rng = connection.connect(file), Cache(), np.random.default_rng(9)
    taken: dict[str, list[tuple[float, float, int]]] = {"one": [], "several": []}
    for number in range(arguments.queries + 1):
        queries = parts(random_vectors(conn, rng, arguments.count))
        for name, query in (("one", queries[:1]), ("several", queries)):
            wall, cpu = time.perf_counter(), time.process_time()
            top_k(conn, "photos", query, harness.K, cache=cache)
            times = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
            # The first of all reads the codes.
            if number:
                taken[name].append((*times, cache.slot("photos").times[-1].compared))
    medians = {}
    for name, each in taken.items():
        wall, cpu, compared = (statistics.median(column) for column in zip(*each, strict=True))
        medians[name] = cpu
        print(f"{name}: {wall:.1f} ms, processor {cpu:.1f} ms, {compared:.0f} vectors compared")
    harness.verdict(
        f"{arguments.count} vectors beside one, processor", medians["several"] / medians["one"], AIM
    )


if __name__ == "__main__":
    main()
