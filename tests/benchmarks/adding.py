"""Adding 100 pictures to a table, codes included, on disk when it returns.

Beside it the same vectors inserted into a vec0 table, and into a bare table with nothing else:
what SQLite itself takes. In copies of the databases, which are deleted at the end.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import features
import generate
import harness
import top_k
from datasette_revimg.store import tables, writing

AIM = 50.0
ADDED = 100

OURS = "store.write"
BARE = "executemany into a bare table"


def adding(
    conn: sqlite3.Connection, source: tables.Table, vectors: np.ndarray, rows: int, key: str
) -> Callable[[int], None]:
    """A function that writes the run's rows as ``embed`` does."""
    runs = {}
    for number in range(-1, len(vectors) // ADDED - 1):
        start = rows + (number + 1) * ADDED
        names = generate.keys(start, ADDED, key)
        generate.add_sources(conn, names, start)
        runs[number] = generate.entries(_part(vectors, number), names)
    conn.commit()
    return lambda number: writing.write(conn, source, runs[number], [])


def inserting(conn: sqlite3.Connection, table: str, vectors: np.ndarray) -> Callable[[int], None]:
    """A function that inserts the run's vectors into a table with an id and an embedding."""

    def insert(number: int) -> None:
        with conn:
            conn.executemany(
                f"insert into {table} (embedding) values (?)",
                [(vector.tobytes(),) for vector in _part(vectors, number)],
            )

    return insert


def _part(vectors: np.ndarray, number: int) -> np.ndarray:
    return vectors[(number + 1) * ADDED :][:ADDED]


def main() -> None:
    parser = harness.parser(__doc__, rows=100_000)
    parser.add_argument("--key", choices=("integer", "text"), default="integer")
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    harness.machine()
    file = harness.database(arguments.folder, arguments.rows, arguments.key)
    real = features.load(arguments.folder / "features.npz")
    vectors = np.concatenate(
        list(generate.batches(real, (arguments.runs + 1) * ADDED, generate.SEED + 3))
    )
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        copy = Path(shutil.copy(file, folder))
        conn = harness.connect(copy)
        bare = harness.connect(Path(folder) / "bare.db")
        bare.execute("create table vectors (id integer primary key, embedding blob not null)")
        contestants = {
            OURS: adding(conn, tables.find(conn, "photos"), vectors, arguments.rows, arguments.key),
            BARE: inserting(bare, "vectors", vectors),
        }
        if file.with_suffix(".vec0.db").is_file():
            vec0 = harness.sqlite_vec(Path(shutil.copy(file.with_suffix(".vec0.db"), folder)))
            contestants[top_k.KNN] = inserting(vec0, "vectors", vectors)
        timings = harness.race(contestants, arguments.runs)
    harness.report(f"adding {ADDED} rows to {arguments.rows}, {arguments.key} keys", timings)
    if arguments.rows == 100_000:
        harness.verdict("adding, ms", timings[OURS].median, AIM)
        harness.verdict("adding, the slowest run, ms", max(timings[OURS].runs), AIM)


if __name__ == "__main__":
    main()
