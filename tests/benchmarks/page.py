"""How long the similar images page of a large table takes, beside Datasette's own table page.

Asked one after the other of a Datasette in this process, without a network between; every time
about another row.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
from datasette.app import Datasette

import harness

AIM, AIM_BYTES = 120.0, 60_000

PAGE = "similar images"
PAGES = {
    PAGE: "photos/{row}/-/similar",
    "similar images, JSON": "photos/{row}/-/similar.json",
    "similar images among the red ones": "photos/{row}/-/similar?colour=red",
    "Datasette's table page": "photos?id__gte={row}&_size=25",
}


async def measure(file: Path, rows: int, runs: int) -> None:
    datasette = Datasette([str(file)])
    await datasette.invoke_startup()
    ids = np.random.default_rng(0).integers(1, rows + 1, runs + 1).tolist()
    taken: dict[str, list[float]] = {name: [] for name in PAGES}
    largest = 0
    for number, row in enumerate(ids):
        for name, path in PAGES.items():
            start = time.perf_counter()
            response = await datasette.client.get(f"/{file.stem}/" + path.format(row=row))
            elapsed = (time.perf_counter() - start) * 1000
            response.raise_for_status()
            # The first one loads the codes, which first_answer.py is about.
            if number:
                taken[name].append(elapsed)
            if name == PAGE:
                largest = max(largest, len(response.content))
    harness.report(
        f"pages, {rows} rows", {name: harness.Timing(times) for name, times in taken.items()}
    )
    if rows == 100_000:
        harness.verdict("similar images, ms", harness.Timing(taken[PAGE]).median, AIM)
    harness.verdict("its HTML, bytes", largest, AIM_BYTES)


def main() -> None:
    parser = harness.parser(__doc__, rows=100_000)
    parser.add_argument("--runs", type=int, default=25)
    arguments = parser.parse_args()
    harness.machine()
    file = harness.database(arguments.folder, arguments.rows)
    asyncio.run(measure(file, arguments.rows, arguments.runs))


if __name__ == "__main__":
    main()
