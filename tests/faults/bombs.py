"""How much memory hostile pictures take: ``python tests/faults/bombs.py``

Serves a small table and posts one bomb after another to its search by image. Of each, prints the
bytes, the answer's status and time, how long another page had to wait at most meanwhile, and the
most memory that the server and the process that decodes had together, above what the server had
before the first upload. Then prints the most memory of ``embed`` in four threads, over pictures
each of which takes nearly as much as is allowed. Linux only.
"""

from __future__ import annotations

import http.client
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.bombs import flat_jp2, png, webp
from kit.command import run
from kit.pictures import encoded, mosaic, photos_database
from kit.server import serving
from kit.uploads import BOUNDARY, form, part

MEGABYTE = 1 << 20
AIM = 700


def flat(kind: str, mode: str, width: int, height: int, **options: object) -> bytes:
    return encoded(Image.new(mode, (width, height)), kind, **options)


def many_scans(side: int) -> bytes:
    """A progressive JPEG, of which every scan but the first goes over all pixels again."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    buffer = io.BytesIO()
    noise.resize((side, side)).save(buffer, "JPEG", progressive=True, quality=30)
    return buffer.getvalue()


# Refused: those of the kind that once took gigabytes. Decoded: the most that an upload may take.
BOMBS: dict[str, Callable[[], bytes]] = {
    "a photograph's size": lambda: flat("JPEG", "RGB", 4000, 3000),
    "WebP 16383×10923": lambda: webp(16383, 10923),
    "WebP 5500×5000": lambda: webp(5500, 5000),
    "WebP 5000×4900": lambda: webp(5000, 4900),
    "JPEG 2000 5500²": lambda: flat_jp2(5500),
    "JPEG 2000 4800²": lambda: flat_jp2(4800),
    "PNG, 1 bit, 1×178,000,000": lambda: png(1, 178_000_000, "1"),
    "PNG, 1 bit, 1×9,000,000": lambda: flat("PNG", "1", 1, 9_000_000),
    "PNG RGBA 13300²": lambda: png(13300, 13300, "RGBA"),
    "PNG RGBA 7200²": lambda: flat("PNG", "RGBA", 7200, 7200),
    "PNG RGB 10200²": lambda: flat("PNG", "RGB", 10200, 10200),
    "TIFF of floats 7200²": lambda: flat("TIFF", "F", 7200, 7200, compression="tiff_deflate"),
    "AVIF 6800²": lambda: flat("AVIF", "RGB", 6800, 6800, speed=10),
    "GIF 9100²": lambda: flat("GIF", "P", 9100, 9100),
    "progressive JPEG 7600²": lambda: many_scans(7600),
}


# Each of about 550 MB, of the 600 that a picture of one's own may take.
HUGE: tuple[Callable[[], bytes], ...] = (
    lambda: flat_jp2(5500),
    lambda: webp(6000, 5500),
    lambda: flat("PNG", "RGBA", 8400, 8400),
    lambda: flat("PNG", "RGB", 11800, 11800),
    lambda: flat("AVIF", "RGB", 7900, 7900, speed=10),
    lambda: flat("GIF", "P", 10600, 10600),
)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    numbers: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        numbers += map(int, tasks.read_text().split())
    return numbers


def memory(pid: int) -> int:
    """Return the resident bytes of a process and its children together."""
    total = 0
    for each in (pid, *children(pid)):
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
        total += sum(int(line.split()[1]) * 1024 for line in lines)
    return total


class Watch:
    """The most memory of a server, and the longest that its version page took, while it runs."""

    def __init__(self, pid: int, host: str) -> None:
        self.peak, self.longest = 0, 0.0
        self._pid, self._host = pid, host
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._memory, self._page)]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _memory(self) -> None:
        while not self._ended.wait(0.005):
            self.peak = max(self.peak, memory(self._pid))

    def _page(self) -> None:
        while not self._ended.wait(0.05):
            started = time.perf_counter()
            request(self._host, "GET", "/-/versions.json")
            self.longest = max(self.longest, time.perf_counter() - started)


def request(host: str, method: str, path: str, body: bytes = b"") -> int:
    """Return the status of an answer."""
    connection = http.client.HTTPConnection(host, timeout=120)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} if body else {}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def upload() -> None:
    """Print how much memory a server takes for each of the bombs."""
    with tempfile.TemporaryDirectory() as folder:
        file = photos_database(Path(folder) / "data.db", {n: mosaic(n) for n in range(10)})
        run("embed", file, "photos")
        with serving(file) as address:
            host = urlsplit(address).netloc
            (pid,) = [n for n in children(os.getpid()) if str(file) in command_line(n)]
            request(host, "GET", "/data/photos/1/-/similar.json")
            base = memory(pid)
            print(f"before the first upload: {base / MEGABYTE:.0f} MB")
            worst = 0
            for name, make in BOMBS.items():
                data = make()
                with Watch(pid, host) as watch:
                    started = time.perf_counter()
                    status = request(host, "POST", "/data/photos/-/similar.json", form(part(data)))
                    seconds = time.perf_counter() - started
                above = (watch.peak - base) / MEGABYTE
                worst = max(worst, above)
                print(
                    f"{name:<28} {len(data):>10,} bytes  {status}  {seconds:5.1f} s  "
                    f"other page {watch.longest:4.2f} s  {above:+5.0f} MB",
                    flush=True,
                )
            print(f"afterwards: {(memory(pid) - base) / MEGABYTE:+.0f} MB")
            print(f"at most {worst:+.0f} MB: {'within' if worst <= AIM else 'beyond'} {AIM} MB")


def embed(*options: str) -> int:
    """Return the most memory of ``embed`` and the processes that it starts, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = {number: make() for number, make in enumerate(HUGE)}
        file = photos_database(Path(folder) / "data.db", pictures)
        code = "from datasette_revimg.cli import revimg; revimg()"
        arguments = ["embed", str(file), "photos", "--threads", "4", "--strict", *options]
        peak = 0
        with subprocess.Popen([sys.executable, "-c", code, *arguments]) as process:
            while process.poll() is None:
                peak = max(peak, memory(process.pid))
                time.sleep(0.005)
        if process.returncode:
            raise SystemExit(f"embed ended with status {process.returncode}")
        return peak


def main() -> None:
    upload()
    for options in ([], ["--isolate"]):
        print(f"embed {' '.join(options)}: {embed(*options) / MEGABYTE:.0f} MB", flush=True)


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


if __name__ == "__main__":
    main()
