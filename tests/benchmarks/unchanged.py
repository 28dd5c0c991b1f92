"""How long it takes to find that nothing has changed.

    python tests/benchmarks/unchanged.py [--files N]

Makes a folder of so many small files and a database that has them all embedded, with vectors of
random numbers, and runs ``embed`` over it. Beside it stands what no program can do without: to list
the folder and to ask for each file's size and time of modification.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.embedding import run
from datasette_revimg.embedding.request import EmbedRequest
from datasette_revimg.store import connection, tables, upkeep, writing
from datasette_revimg.store.writing import Embedding

PER_FOLDER = 500
BATCH = 1000


def make_files(folder: Path, count: int) -> list[Path]:
    """Make small pictures, some hundred in each folder; all have the same bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(buffer, "PNG")
    files = []
    for number in range(count):
        file = folder / f"{number // PER_FOLDER:04}" / f"{number:06}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(buffer.getvalue())
        files.append(file)
    return files


def make_database(database: Path, folder: Path, files: list[Path]) -> None:
    """Embed one of the files, and store what embedding the others would."""
    with run.prepared(EmbedRequest(database, "photos", (folder,), limit=1)) as ready:
        summary = ready.embed()
    rng = np.random.default_rng(0)
    data = files[0].read_bytes()
    content_hash = hashlib.sha256(data).digest()
    with closing(connection.connect(database)) as conn:
        source = tables.find(conn, "photos")
        for start in range(0, len(files), BATCH):
            page = files[start : start + BATCH]
            vectors = rng.random((len(page), summary.dimension), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            keys = [(file.relative_to(folder).as_posix(),) for file in page]
            rows = [columns(file, key[0]) for file, key in zip(page, keys, strict=True)]
            entries = [
                Embedding(key, vector, content_hash, b"thumbnail", 8, 8)
                for key, vector in zip(keys, vectors, strict=True)
            ]
            writing.write(conn, source, entries, [], rows)
        upkeep.finish(conn, source)


def columns(file: Path, path: str) -> dict[str, object]:
    """Return what the table made from files has of one of them."""
    stat = file.stat()
    mtime = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat()
    return {"path": path, "name": file.name, "size": stat.st_size, "mtime": mtime}


def listed(folder: Path) -> float:
    """Return the seconds that listing the folder and looking at each file takes."""
    started = time.perf_counter()
    for parent, _, names in os.walk(folder):
        for name in names:
            os.stat(os.path.join(parent, name))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000)
    count = parser.parse_args().files
    with tempfile.TemporaryDirectory() as temporary:
        folder, database = Path(temporary, "pictures"), Path(temporary, "photos.db")
        make_database(database, folder, make_files(folder, count))
        for _ in range(3):
            least = listed(folder)
            started, processor = time.perf_counter(), time.process_time()
            with run.prepared(EmbedRequest(database, "photos", (folder,))) as ready:
                planned = time.perf_counter() - started
                summary = ready.embed()
            seconds = time.perf_counter() - started
            print(
                f"{summary.unchanged:,} unchanged: {seconds:.1f} s, {planned:.1f} of it planning, "
                f"{time.process_time() - processor:.1f} s of processor time; "
                f"listing alone {least:.2f} s (× {seconds / least:.0f})"
            )


if __name__ == "__main__":
    main()
