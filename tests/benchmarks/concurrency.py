"""How long Datasette's event loop stands still while 20 clients search at once.

A real uvicorn serves the database in this process; the clients are another process, so that
their work isn't counted. A task on the server's loop sleeps for 5 ms over and over and notes by
how much it is woken too late. Beside it the same with nobody asking, which is what the machine's
other work does to the loop, and with as many clients asking for Datasette's own table page.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import uvicorn
from datasette.app import Datasette

import harness

AIM = 50.0
TICK = 0.005
CLIENTS = 20


async def lateness(noted: list[float]) -> None:
    """Note forever, in milliseconds, by how much this loop wakes a sleeper too late."""
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        noted.append((time.perf_counter() - due) * 1000)


async def clients(paths: Sequence[str], base: str, seconds: float) -> dict[str, object]:
    """Ask for the paths from all clients for so long: milliseconds of each answer, by status."""
    ends = time.perf_counter() + seconds
    taken: list[float] = []
    statuses: dict[str, int] = {}

    async def ask(client: httpx.AsyncClient, number: int) -> None:
        at = number
        if not paths:
            await asyncio.sleep(seconds)
        while paths and time.perf_counter() < ends:
            start = time.perf_counter()
            response = await client.get(base + paths[at % len(paths)])
            taken.append((time.perf_counter() - start) * 1000)
            status = str(response.status_code)
            statuses[status] = statuses.get(status, 0) + 1
            at += CLIENTS

    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        await asyncio.gather(*(ask(client, number) for number in range(CLIENTS)))
    return {"taken": taken, "statuses": statuses}


class Collections:
    """The longest full garbage collection, in milliseconds, while it is entered."""

    def __enter__(self) -> Collections:
        self.longest = self._started = 0.0
        gc.callbacks.append(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._called)

    def _called(self, phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            self._started = time.perf_counter()
        elif about["generation"] == 2:
            self.longest = max(self.longest, (time.perf_counter() - self._started) * 1000)


async def measure(name: str, paths: list[str], base: str, seconds: float) -> float:
    """Print what clients and loop went through; returns the largest lateness, in milliseconds."""
    noted: list[float] = []
    watcher = asyncio.create_task(lateness(noted))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--folder", ".", "--child", base),
        *("--seconds", str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    with Collections() as collections:
        output, _ = await child.communicate(json.dumps(paths).encode())
    watcher.cancel()
    answers = json.loads(output)
    late, taken = np.array(noted), np.array(answers["taken"] or [0.0])
    print(
        f"{name}: answers by status {answers['statuses']}, {len(taken) / seconds:.0f} a second, "
        f"median {np.median(taken):.0f} ms, 95 % {np.percentile(taken, 95):.0f} ms\n"
        f"  the loop is late by: median {np.median(late):.1f}, 99 % {np.percentile(late, 99):.1f}, "
        f"99.9 % {np.percentile(late, 99.9):.1f}, at most {late.max():.1f} ms; "
        f"the longest full garbage collection {collections.longest:.1f} ms"
    )
    return float(late.max())


async def serve(file: Path, rows: int, seconds: float) -> None:
    server = uvicorn.Server(
        uvicorn.Config(Datasette([str(file)]).app(), port=0, log_level="warning", access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    base = f"http://127.0.0.1:{port}/{file.stem}/"
    ids = np.random.default_rng(0).integers(1, rows + 1, 4000).tolist()
    table = [f"photos?_size=25&year__gt={1900 + at % 100}&_nofacet=1&_nocount=1" for at in ids]
    searches = [
        f"photos/{row}/-/similar{'.json' if number % 2 else ''}" for number, row in enumerate(ids)
    ]
    filtered = [f"photos/{row}/-/similar.json?colour=red" for row in ids]
    await measure("nobody asks", [], base, seconds / 4)
    await measure("Datasette's own table page", table, base, seconds)
    # Everything that is loaded by the first search is part of the measurement.
    worst = await measure("similar images, pages and JSON", searches, base, seconds)
    await measure("similar images among the red ones", filtered, base, seconds)
    harness.verdict("the loop's largest lateness, ms", worst, AIM)
    server.should_exit = True
    await serving


def main() -> None:
    parser = harness.parser(__doc__, rows=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--child", help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.child:
        paths = json.load(sys.stdin)
        print(json.dumps(asyncio.run(clients(paths, arguments.child, arguments.seconds))))
        return
    logging.getLogger("httpx").setLevel(logging.WARNING)
    harness.machine()
    file = harness.database(arguments.folder, arguments.rows)
    asyncio.run(serve(file, arguments.rows, arguments.seconds))


if __name__ == "__main__":
    main()
