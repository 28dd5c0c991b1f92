"""How long a reverse image search takes, from the upload of a large JPEG to its page.

    python tests/benchmarks/upload.py [--picture FILE] [--rows N] [--repeat N] [--threads N]

Everything happens in this process: the form is posted to Datasette's application, and the time
that its answer takes is divided among decoding, the network, the search, and the rest: reading
the form, filling in the page. Last comes the ratio to decoding and inference alone, in a loop
without a server, which nothing could be faster than.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasette as datasette_package
import numpy as np
from datasette.app import Datasette
from PIL import Image

from datasette_revimg.models import network
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.isolated import IsolatedDecoder
from datasette_revimg.search import similar
from datasette_revimg.store import tables, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding

SIZE = (4000, 3000)
BOUNDARY = "revimg"


def photograph() -> bytes:
    """Twelve megapixels with detail at every scale, as in nature: noise whose amplitude halves
    from octave to octave."""
    random = np.random.default_rng(12)
    total = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for octave in range(2, 12):
        side = 2**octave
        noise = random.integers(0, 256, (side * 3 // 4, side, 3), dtype=np.uint8)
        layer = Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC)
        total += (np.asarray(layer, np.float32) - 128) / 1.15**octave
    total = 128 + 55 * total / total.std()
    buffer = io.BytesIO()
    Image.fromarray(np.clip(total, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def build(file: Path, rows: int) -> None:
    """A table with so many unit vectors, and one thumbnail for all of them."""
    random = np.random.default_rng(0)
    vectors = np.abs(random.normal(size=(rows, VGG16_RMAC.dimension))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    small = io.BytesIO()
    Image.new("RGB", (320, 240)).save(small, "WEBP")
    conn = sqlite3.connect(file)
    conn.execute("create table photos (id integer primary key, name text, picture blob)")
    conn.executemany(
        "insert into photos values (?, ?, x'00')", [(n, f"Photo {n}") for n in range(rows)]
    )
    conn.commit()
    source = tables.find(conn, "photos")
    name, sha256, preprocessing = VGG16_RMAC.identity
    record = EmbeddedTable(
        table_name="photos",
        column_name="picture",
        kind="blob",
        base_dir=None,
        model=name,
        weights_sha256=sha256,
        dimension=VGG16_RMAC.dimension,
        preprocessing=preprocessing,
    )
    writing.prepare(conn, source, record)
    entries = [
        Embedding((n,), vector, b"", small.getvalue(), 320, 240) for n, vector in enumerate(vectors)
    ]
    writing.write(conn, source, entries, [])
    conn.close()


def timed(module: Any, name: str, times: list[float]) -> None:
    """Have every call of this function add what it took."""
    function: Callable[..., Any] = getattr(module, name)

    def measured(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            times.append(time.perf_counter() - started)

    setattr(module, name, measured)


async def upload(datasette: Datasette, picture: bytes, repeat: int) -> list[float]:
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="x.jpg"\r\n\r\n'
    ).encode()
    body += picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    times = []
    for _ in range(repeat + 1):
        started = time.perf_counter()
        response = await datasette.client.post(
            "/bench/photos/-/similar", content=body, headers=headers
        )
        times.append(time.perf_counter() - started)
        if response.status_code != 200:
            raise SystemExit(response.text)
    return times


def alone(picture: bytes, repeat: int, threads: int) -> list[float]:
    """Decoding and inference, nothing else."""
    assert VGG16_RMAC.file
    net = network.Network(VGG16_RMAC.file, "auto", threads)
    times = []
    for _ in range(repeat + 1):
        started = time.perf_counter()
        net.encode(decoding.decode(picture).array[np.newaxis])
        times.append(time.perf_counter() - started)
    return times


def median(times: list[float]) -> float:
    """In milliseconds, the first time left out: it loads the network."""
    return statistics.median(times[1:]) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0)
    chosen = parser.parse_args()
    picture = chosen.picture.read_bytes() if chosen.picture else photograph()
    bare = median(alone(picture, chosen.repeat, chosen.threads))
    parts: dict[str, list[float]] = {"decoding": [], "network": [], "search": []}
    timed(IsolatedDecoder, "decode", parts["decoding"])
    timed(network.Network, "encode", parts["network"])
    timed(similar, "answer", parts["search"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        build(file, chosen.rows)
        settings = {"threads": chosen.threads} if chosen.threads else {}
        place = "metadata" if datasette_package.__version__.startswith("0.") else "config"
        config: dict[str, Any] = {place: {"plugins": {"datasette-revimg": settings}}}
        served = Datasette([str(file)], **config)
        total = median(asyncio.run(upload(served, picture, chosen.repeat)))
    with Image.open(io.BytesIO(picture)) as image:
        size = f"{image.width}×{image.height} {image.format}, {len(picture) / 1e6:.1f} MB"
    print(f"{size}; {chosen.rows} rows; {chosen.repeat} uploads, medians")
    print(f"upload to page  {total:7.1f} ms")
    rest = total
    for name, times in parts.items():
        rest -= median(times)
        print(f"  {name:<13} {median(times):7.1f} ms  {median(times) / total:4.0%}")
    print(f"  form and page {rest:7.1f} ms  {rest / total:4.0%}")
    print(f"decoding and network alone, without a server: {bare:.1f} ms; ratio {total / bare:.2f}")


if __name__ == "__main__":
    main()
