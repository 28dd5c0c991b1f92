"""A server under load: what 50 visitors wait for, and whether anybody can make it stand still.

    python tests/benchmarks/load.py [--rows N] [--seconds N] [--clients N] [--only WORD]

Makes a database of 10,000 synthetic pictures, serves it in a process of its own, and asks it over
the loopback interface: first 50 clients at once for pages, JSON, thumbnails, searches and uploads;
then, one after the other, for the dearest requests that an anonymous visitor can make, each with
other filters, while others look at ordinary pages. A task on the server's event loop sleeps for
5 ms over and over and notes by how much it is woken too late. That depends on the machine and on
what else it does, which the first phase, in which nobody asks, shows. So the time of the processor
that single callbacks take from the loop is measured too, collections of garbage included.

Clients share the server's processors, so that times to answers are those of a machine that is
full. Each client has an address of its own where the loopback interface has many (Linux).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import http.client
import io
import itertools
import json
import os
import random
import resource
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasette as datasette_package
import numpy as np
import uvicorn
from datasette.app import Datasette
from PIL import Image, ImageFilter

import harness
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.overview import layout
from datasette_revimg.store import tables, upkeep, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding

TICK = 0.005
AIM, CALLBACK_AIM = 100.0, 20.0

# How many ask for the dearest requests, and how many for ordinary pages meanwhile.
GREEDY, ORDINARY = 8, 4

# Different pictures, and how many rows have theirs beside its thumbnail.
PICTURES, PICTURED = 64, 2000
BOUNDARY = "revimg"


@dataclass(frozen=True)
class Request:
    """What a client asks for; a request with a body is an upload."""

    kind: str
    path: str
    body: bytes | None = None


@dataclass
class Answers:
    """Of each kind of request the milliseconds to each answer with 200, and all statuses.

    Clients ask until ``ends``, by time.perf_counter(); ``waiting`` counts those who were not yet
    answered then.
    """

    ends: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    waiting: Counter[str] = field(default_factory=Counter)

    def print(self) -> None:
        for kind in sorted(self.statuses.keys() | self.waiting.keys()):
            statuses = self.statuses[kind]
            p50, p95, p99 = np.percentile(self.taken[kind] or [np.nan], [50, 95, 99])
            told = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
            if self.waiting[kind]:
                told += f", {self.waiting[kind]} waiting at the end"
            print(f"  {kind:28} p50 {p50:7.0f}  p95 {p95:7.0f}  p99 {p99:7.0f} ms   {told}")

    def unexpected(self) -> set[int]:
        return {status for counts in self.statuses.values() for status in counts} - {
            200,
            503,
        }


def photograph(seed: int, size: tuple[int, int]) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size).filter(ImageFilter.GaussianBlur(3))


def saved(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def build(file: Path, rows: int) -> None:
    """Two tables: ``photos`` with the bundled network, and ``wide`` with the largest vectors."""
    pictures = [photograph(seed, (640, 480)) for seed in range(PICTURES)]
    originals = [saved(picture, "JPEG") for picture in pictures]
    small = [saved(picture.resize((320, 240)), "WEBP") for picture in pictures]
    conn = sqlite3.connect(file)
    for table, dimension in (("photos", VGG16_RMAC.dimension), ("wide", 4096)):
        conn.execute(
            f"create table {table} (id integer primary key, name text, year integer, picture blob)"
        )
        conn.executemany(
            f"insert into {table} values (?, ?, ?, ?)",
            [
                (
                    n,
                    f"Photo {n}",
                    1900 + n % 120,
                    originals[n % PICTURES] if n <= PICTURED else b"",
                )
                for n in range(1, rows + 1)
            ],
        )
        conn.commit()
        source = tables.find(conn, table)
        name, sha256, preprocessing = VGG16_RMAC.identity
        record = EmbeddedTable(
            table_name=table,
            column_name="picture",
            kind="blob",
            base_dir=None,
            model=name if table == "photos" else "vgg16-fc2",
            weights_sha256=sha256,
            dimension=dimension,
            preprocessing=preprocessing,
        )
        writing.prepare(conn, source, record)
        rng = np.random.default_rng(0)
        centres = np.abs(rng.normal(size=(PICTURES, dimension)))
        for start in range(1, rows + 1, 2000):
            entries = []
            for n in range(start, min(start + 2000, rows + 1)):
                vector = centres[n % PICTURES] + 0.7 * np.abs(rng.normal(size=dimension))
                vector = (vector / np.linalg.norm(vector)).astype(np.float32)
                digest = hashlib.sha256(originals[n % PICTURES]).digest()
                entries.append(Embedding((n,), vector, digest, small[n % PICTURES], 640, 480))
            writing.write(conn, source, entries, [])
        upkeep.finish(conn, source)
    conn.close()


# Of a hundred requests so many are of a kind, at these addresses.
ORDINARY_KINDS = {
    "thumbnail": (40, "photos/{row}/-/thumbnail"),
    "similar page": (15, "photos/{row}/-/similar"),
    "similar JSON": (15, "photos/{row}/-/similar.json"),
    "similar page, filtered": (8, "photos/{row}/-/similar?year={year}"),
    "table page": (8, "photos?year={year}&_size=25"),
    "picture": (5, "photos/{pictured}/-/picture"),
    "compare page": (5, "photos/{row}/-/compare?with={other}"),
    "upload": (4, "photos/-/similar.json"),
}


def ordinary(rows: int) -> Iterator[Request]:
    """Requests as visitors make them, at random, always in the same order."""
    chance = random.Random(1)
    upload = form(saved(photograph(999, (1200, 900)), "JPEG"))
    names = list(ORDINARY_KINDS)
    weights = [weight for weight, _ in ORDINARY_KINDS.values()]
    while True:
        (name,) = chance.choices(names, weights)
        path = ORDINARY_KINDS[name][1].format(
            row=chance.randint(1, rows),
            other=chance.randint(1, rows),
            pictured=chance.randint(1, PICTURED),
            year=chance.randint(1900, 2019),
        )
        yield Request(name, path, upload if name == "upload" else None)


def dearest(rows: int) -> dict[str, Iterator[Request]]:
    """Of each dear page endless requests, none of which can use what another one computed."""
    likes = "".join(f"&like={n}" for n in range(2, 51))

    def different(path: str) -> Iterator[Request]:
        name = path.partition("?")[0]
        return (Request(name, path.format(n=n, m=n % 1000 + 1000)) for n in itertools.count(1))

    return {
        "matrix page, 2,000": different("wide/-/matrix?_size=2000&id__not={n}"),
        "matrix JSON, 500": different("wide/-/matrix.json?_size=500&id__not={n}"),
        "matrix picture, 2,000": different("wide/-/matrix.png?_size=2000&id__not={n}"),
        "matrix values, 2,000": different("wide/-/matrix-values?_size=2000&id__not={n}"),
        "map data, 10,000, t-SNE": different("wide/-/map-data?id__not={n}"),
        "map JSON, 10,000": different("wide/-/map.json?id__not={n}"),
        "map sheets": different("wide/-/map-sheet?id__not={n}"),
        "heat maps": different("photos/{n}/-/why?with={m}"),
        "200 results, 50 like=": different("wide/{n}/-/similar?_size=200" + likes),
        "200 results, filtered": different(
            "wide/{n}/-/similar?_size=200&name__contains=1&_facet=year&_facet=name"
        ),
    }


def shared(requests: Iterator[Request]) -> Callable[[], Request]:
    """Return a function by which several threads take turns with the same requests."""
    lock = threading.Lock()

    def following() -> Request:
        with lock:
            return next(requests)

    return following


def form(picture: bytes) -> bytes:
    disposition = 'Content-Disposition: form-data; name="image"; filename="x.jpg"'
    return (
        f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode()
        + picture
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


def visit(
    address: tuple[str, int],
    number: int,
    requests: Callable[[], Request],
    answers: Answers,
) -> None:
    """Ask, one request after the other; a full queue is asked again after a pause.

    At the end a client leaves, whether it has been answered or not.
    """
    local = (f"127.0.0.{10 + number}", 0) if sys.platform == "linux" else None
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection = http.client.HTTPConnection(*address, source_address=local)
    while (start := time.perf_counter()) < answers.ends:
        request = requests()
        connection.timeout = answers.ends - start
        if connection.sock:
            connection.sock.settimeout(connection.timeout)
        method, headers = ("POST", kind) if request.body else ("GET", {})
        try:
            connection.request(method, "/load/" + request.path, request.body, headers)
            response = connection.getresponse()
            response.read()
        except TimeoutError:
            with answers.lock:
                answers.waiting[request.kind] += 1
            break
        taken = (time.perf_counter() - start) * 1000
        with answers.lock:
            answers.statuses[request.kind][response.status] += 1
            if response.status == 200:
                answers.taken[request.kind].append(taken)
        if response.status != 200:
            time.sleep(1)
    connection.close()


class Server:
    """A server in a process of its own, which says how late its event loop was."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.address = "127.0.0.1", 0

    @classmethod
    async def start(cls, file: Path) -> Server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, "--serve", str(file)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        server = cls(process)
        server.address = "127.0.0.1", await server._read()
        return server

    async def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(await self._process.stdout.readline())

    async def lateness(self) -> dict[str, Any]:
        """Return by how much the loop was late since this was last asked."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        answer: dict[str, Any] = await self._read()
        return answer

    async def stop(self) -> None:
        self._process.terminate()
        await self._process.wait()


def resident() -> float:
    """Return the memory of this process, in MB; 0 where it doesn't say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * resource.getpagesize() / 1e6


class Callbacks:
    """The time of the processor that callbacks take from the event loop, alone and in a round.

    In a round the loop calls everything that is ready: the longest one is how late the loop would
    be on a machine that had nothing else to do.
    """

    def __init__(self) -> None:
        self._longest, self._round = (0.0, ""), 0.0

    def longest(self) -> tuple[float, str, float]:
        """Return the longest since the last time: ms and name of a callback, ms of a round."""
        longest = *self._longest, self._round
        self._longest, self._round = (0.0, ""), 0.0
        return longest

    def watch(self) -> None:
        """Watch every callback of every loop from now on."""
        run, run_once = asyncio.Handle._run, asyncio.BaseEventLoop._run_once

        def timed_round(loop: asyncio.BaseEventLoop) -> None:
            start = time.thread_time()
            run_once(loop)
            self._round = max(self._round, (time.thread_time() - start) * 1000)

        asyncio.BaseEventLoop._run_once = timed_round

        def timed(handle: asyncio.Handle) -> None:
            name, start = callback_name(handle), time.thread_time()
            run(handle)
            self._longest = max(self._longest, ((time.thread_time() - start) * 1000, name))

        asyncio.Handle._run = timed


def callback_name(handle: asyncio.Handle) -> str:
    """Return where the task that a callback goes on with stands, or else the callback's name."""
    callback = handle._callback
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", callback))
    where, waits = [], task.get_coro()
    while waits is not None:
        frame = getattr(waits, "cr_frame", None) or getattr(waits, "gi_frame", None)
        if frame and "asyncio" not in frame.f_code.co_filename:
            where.append(f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}")
        waits = getattr(waits, "cr_await", None) or getattr(waits, "gi_yieldfrom", None)
    return " > ".join(where[-6:])


async def serve(file: Path) -> None:
    """Serve a database; at each line of the input print how late the loop was since the last.

    ``own`` and ``slowest`` are the longest time of the processor that a callback took, which other
    programs hardly change, and its name; ``round`` is the longest that all took in one round.
    """
    config = uvicorn.Config(Datasette([str(file)]).app(), port=0, log_level="error")
    server = uvicorn.Server(config)
    late: list[float] = []
    callbacks = Callbacks()
    memory: list[float] = []

    async def watch() -> None:
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            late.append((time.perf_counter() - due) * 1000)
            if len(late) % 10 == 0:
                memory.append(resident())

    def answer() -> None:
        for _ in sys.stdin:
            p50, p99, most = np.percentile(late or [0], [50, 99, 100])
            own, slowest, together = callbacks.longest()
            told = {"p50": p50, "p99": p99, "most": most, "own": own, "slowest": slowest}
            told["round"] = together
            print(json.dumps({**told, "memory": max(memory, default=0)}), flush=True)
            for noted in (late, memory):
                noted.clear()

    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    watching = asyncio.create_task(watch())
    callbacks.watch()
    threading.Thread(target=answer, daemon=True).start()
    await serving
    watching.cancel()


async def phase(
    server: Server, name: str, clients: list[Callable[[], Request]], seconds: float
) -> dict[str, Any]:
    """Have clients ask for so long, and print what they went through; return the lateness."""
    await server.lateness()
    answers = Answers(time.perf_counter() + seconds)
    before = os.getloadavg()[0]
    with ThreadPoolExecutor(len(clients) + 1) as pool:
        waiting = [pool.submit(time.sleep, seconds)]
        for number, requests in enumerate(clients):
            waiting.append(pool.submit(visit, server.address, number, requests, answers))
        await asyncio.gather(*map(asyncio.wrap_future, waiting))
    late = await server.lateness()
    print(
        f"{name} (load {before:.1f} before, {os.getloadavg()[0]:.1f} after)\n"
        f"  the loop is late by: p50 {late['p50']:.1f}, p99 {late['p99']:.1f}, most "
        f"{late['most']:.1f} ms; memory at most {late['memory']:,.0f} MB\n"
        f"  its longest callback: {late['own']:.1f} ms of processor time, {late['slowest']}; "
        f"its longest round: {late['round']:.1f} ms"
    )
    answers.print()
    if unexpected := answers.unexpected():
        print(f"  UNEXPECTED statuses: {sorted(unexpected)}")
    return late


async def measure(file: Path, arguments: argparse.Namespace) -> None:
    server = await Server.start(file)
    try:
        seconds, rows = arguments.seconds, arguments.rows
        await phase(server, "nobody asks", [], min(seconds, 10))
        worst: dict[str, dict[str, Any]] = {}
        wanted = [name for name in ("everybody", *dearest(rows)) if arguments.only in name]
        if "everybody" in wanted:
            clients = [shared(ordinary(rows))] * arguments.clients
            name = f"everybody: {arguments.clients} clients"
            worst["everybody"] = await phase(server, name, clients, seconds)
        for name in wanted:
            if name != "everybody":
                greedy, others = shared(dearest(rows)[name]), shared(ordinary(rows))
                clients = [*[greedy] * GREEDY, *[others] * ORDINARY]
                worst[name] = await phase(server, name, clients, min(seconds, arguments.each))
        for name, value in worst.items():
            harness.verdict(f"{name}: the loop's largest lateness, ms", value["most"], AIM)
            harness.verdict(f"{name}: its longest callback, ms", value["own"], CALLBACK_AIM)
    finally:
        await server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60, help="of 50 clients")
    parser.add_argument("--each", type=float, default=20, help="seconds of each dear request")
    parser.add_argument("--only", default="", help="phases whose name has this in it")
    parser.add_argument("--folder", type=Path, help="where the database is, or is to be kept")
    parser.add_argument("--serve", type=Path, help="used by the script itself")
    arguments = parser.parse_args()
    with contextlib.suppress(AttributeError):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return
    print(
        f"{len(os.sched_getaffinity(0))} cores, Python {sys.version.split()[0]}, Datasette "
        f"{datasette_package.__version__}, better maps by {layout.better_method()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = (arguments.folder or Path(folder)) / "load.db"
        if not file.exists():
            build(file, arguments.rows)
        asyncio.run(measure(file, arguments))


if __name__ == "__main__":
    main()
