"""All pairs above a threshold, beside faiss: ``python duplicates.py --vectors DB TABLE --rows N``

The rows are mixes of real vectors, those of an embedded table, and some are copies of others with
a little noise. All sides start from the same vectors, ours in a database, the others' in memory,
and return every pair. Needs faiss-cpu; with ``--imagededup``, which takes 16 bytes a pair of rows
and more, imagededup too. Times are those of the processors, all threads together: on a machine
that others use too, the time on the clock says how busy they are.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

import harness
from datasette_revimg.duplicates.compare import compare
from datasette_revimg.store import (
    comparisons,
    connection,
    reading,
    registry,
    tables,
    upkeep,
    writing,
)
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding

SEED = 2017
BATCH = 2000

# Shares of the rows that are copies, and how far these are from their original.
COPIES, NEAR = 0.02, 0.15

# Rows that are added for the second run.
ADDED = 100


def generated(real: np.ndarray, rows: int) -> np.ndarray:
    """Unit vectors float32 (rows, D) between real ones, some of them copies of others."""
    rng = np.random.default_rng(SEED)
    vectors = np.empty((rows, real.shape[1]), np.float32)
    for start in range(0, rows, BATCH):
        count = min(BATCH, rows - start)
        shares = rng.gamma(0.5, size=(count, 3)).astype(np.float32)
        mixed = sum(share[:, None] * real[rng.integers(0, len(real), count)] for share in shares.T)
        first, second = rng.integers(0, len(real), (2, count))
        noise = 0.35 * _unit(real[first] - real[second])
        vectors[start : start + count] = _unit(_unit(mixed) + noise)
    copies = np.flatnonzero(rng.random(rows) < COPIES)
    noise = _unit(rng.normal(size=(len(copies), real.shape[1])).astype(np.float32))
    originals = vectors[rng.integers(0, rows, len(copies))]
    vectors[copies] = _unit(originals + NEAR * rng.random((len(copies), 1), np.float32) * noise)
    return vectors


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def build(file: Path, vectors: np.ndarray) -> None:
    """Write a database of these vectors, with codes if they are many."""
    with closing(connection.connect(file, create=True)) as conn:
        conn.execute("create table photos (id integer primary key, picture blob)")
        record = EmbeddedTable(
            table_name="photos",
            column_name="picture",
            kind="blob",
            base_dir=None,
            model="benchmark",
            weights_sha256="0" * 64,
            dimension=vectors.shape[1],
            preprocessing="none",
        )
        writing.prepare(conn, tables.find(conn, "photos"), record)
    add(file, vectors, 0)


def thumbnail() -> bytes:
    """A small picture that isn't blank; what is blank has no pairs."""
    levels = np.random.default_rng(SEED).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "WEBP")
    return buffer.getvalue()


def add(file: Path, vectors: np.ndarray, first: int) -> None:
    small = thumbnail()
    with closing(connection.connect(file)) as conn:
        source = tables.find(conn, "photos")
        for start in range(0, len(vectors), BATCH):
            part = vectors[start : start + BATCH]
            keys = [(first + start + number,) for number in range(len(part))]
            with conn:
                conn.executemany("insert into photos (id) values (?)", keys)
            entries = [
                Embedding(key, vector, key[0].to_bytes(32, "big"), small, 40, 30)
                for key, vector in zip(keys, part, strict=True)
            ]
            writing.write(conn, source, entries, [])
        upkeep.finish(conn, source)


def ours(file: Path, minimum: float) -> None:
    """Compare, as the command does, in a process of its own; print seconds, memory and width."""
    with closing(connection.connect(file)) as conn:
        embedded = registry.require_embedded(conn, "photos")
        start = time.process_time()
        compared = compare(conn, tables.find(conn, "photos"), embedded, minimum)
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(seconds, peak, compared.width)


def run_ours(file: Path, minimum: float) -> tuple[float, int, int]:
    done = subprocess.run(
        [sys.executable, __file__, "--compare", str(file), str(minimum)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, peak, width = done.stdout.split()
    return float(seconds), int(peak), int(width)


def faiss_pairs(vectors: np.ndarray, minimum: float) -> tuple[float, int]:
    """Seconds, and the number of pairs."""
    import faiss

    start = time.process_time()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    pairs = 0
    for begin in range(0, len(vectors), 10_000):
        limits, _, others = index.range_search(vectors[begin : begin + 10_000], minimum)
        queries = np.repeat(np.arange(len(limits) - 1), np.diff(limits).astype(int)) + begin
        pairs += int((others > queries).sum())
    return time.process_time() - start, pairs


def imagededup_pairs(vectors: np.ndarray, minimum: float) -> tuple[float, int]:
    """Return seconds, and the number of pairs."""
    from imagededup.methods import CNN
    from imagededup.utils import CustomModel

    # Its network isn't needed for vectors that are there.
    finder = CNN(verbose=False, model_config=CustomModel(model=None, transform=None, name="none"))
    encoded = {str(number): vector for number, vector in enumerate(vectors)}
    start = time.process_time()
    found = finder.find_duplicates(
        encoding_map=encoded, min_similarity_threshold=minimum, num_sim_workers=0
    )
    seconds = time.process_time() - start
    return seconds, sum(map(len, found.values())) // 2


def brute_force(vectors: np.ndarray, minimum: float) -> set[tuple[int, int]]:
    """All pairs of rows by cosines in float64."""
    exact = vectors.astype(np.float64)
    found = set()
    for start in range(0, len(exact), 1000):
        rows, columns = np.nonzero(exact[start : start + 1000] @ exact[:].T >= minimum)
        keep = rows + start < columns
        found.update(zip((rows[keep] + start).tolist(), columns[keep].tolist(), strict=True))
    return found


def found_pairs(file: Path, minimum: float) -> set[tuple[int, int]]:
    with closing(connection.connect(file)) as conn:
        row_of = {
            number: int.from_bytes(content, "big")
            for content, number in comparisons.read_compared(conn, "photos").items()
        }
        pairs = comparisons.read_pairs(conn, "photos", minimum)
    return {
        tuple(sorted((row_of[a], row_of[b])))
        for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--vectors", nargs=2, metavar=("DB", "TABLE"))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--min", type=float, default=0.95)
    parser.add_argument("--imagededup", action="store_true")
    parser.add_argument("--compare", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compare:
        ours(Path(arguments.compare[0]), float(arguments.compare[1]))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; numpy {np.__version__}")
    database, table = arguments.vectors
    with closing(connection.connect(Path(database))) as conn:
        real = reading.sample_vectors(conn, tables.find(conn, table), 10_000)
    vectors = generated(real, arguments.rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pairs.db"
        build(file, vectors)
        seconds, peak, width = run_ours(file, arguments.min)
        expected = brute_force(vectors, arguments.min)
        found = found_pairs(file, arguments.min)
        faiss_seconds, faiss_count = faiss_pairs(vectors, arguments.min)
        add(file, vectors[:ADDED], len(vectors))
        again, _, _ = run_ours(file, arguments.min)
    print(f"{len(vectors):,} rows, {len(expected):,} pairs; faiss finds {faiss_count:,}")
    print(
        f"{vectors.shape[1]} floats, of which codes have {width} directions; seconds of processor"
    )
    print(f"time: ours {seconds:.1f}, {ADDED} more rows {again:.2f}, faiss {faiss_seconds:.1f}")
    harness.verdict("pairs that differ from float64", len(expected ^ found), 0)
    harness.verdict("times as fast as faiss", faiss_seconds / seconds, 3, at_least=True)
    if arguments.imagededup:
        dedup_seconds, dedup_count = imagededup_pairs(vectors, arguments.min)
        print(f"imagededup {dedup_seconds:.1f} s, {dedup_count:,} pairs")
        harness.verdict("times as fast as imagededup", dedup_seconds / seconds, 10, at_least=True)
    harness.verdict("peak memory in MB", peak, 600)
    harness.verdict(f"{ADDED} more rows, share of the whole run", again / seconds, 0.02)


if __name__ == "__main__":
    main()
