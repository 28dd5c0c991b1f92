"""How much memory a process holds for a table, and how much it takes at most while it loads.

Counts the process's own memory, as Linux tells it (``RssAnon``): pages of the file that SQLite
maps are the system's cache, and freed when anybody needs the room.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import features
import generate
import harness

AIM = 2.2
SEARCHES = 20


def own_memory() -> int:
    """Bytes of this process's memory that no file stands behind."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError as error:
        raise SystemExit("memory can be measured on Linux only") from error
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


class Peak:
    """The most memory seen while the block ran, looked at every millisecond."""

    def __enter__(self) -> Peak:
        self.bytes = own_memory()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.001):
            self.bytes = max(self.bytes, own_memory())


def search(file: Path, blobs: list[bytes]) -> dict[str, int]:
    """Bytes more than after opening: after the searches, and at most during them."""
    conn = harness.ours(file)
    before = own_memory()
    with Peak() as peak:
        for blob in blobs:
            conn.execute("select revimg_top('photos', ?, ?)", [blob, harness.K]).fetchone()
    return {"kept": own_memory() - before, "peak": peak.bytes - before}


def main() -> None:
    parser = harness.parser(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--key", choices=("integer", "text"), default="integer")
    parser.add_argument("--child", type=Path, help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.child:
        data = sys.stdin.buffer.read()
        size = 4 * harness.DIMENSION
        blobs = [data[at : at + size] for at in range(0, len(data), size)]
        print(json.dumps(search(arguments.child, blobs)))
        return
    harness.machine()
    real = features.load(arguments.folder / "features.npz")
    for rows in arguments.rows:
        file = harness.database(arguments.folder, rows, arguments.key)
        conn = harness.ours(file)
        if not harness.has_function(conn, "revimg_top"):
            raise SystemExit("revimg_top isn't there: nothing to measure")
        queries = generate.queries(conn, real, SEARCHES)
        done = subprocess.run(
            [sys.executable, __file__, "--folder", arguments.folder, "--child", file],
            input=queries.astype("<f4").tobytes(),
            stdout=subprocess.PIPE,
            check=True,
        )
        found = json.loads(done.stdout)
        kept, peak = (found[name] / rows / 1024 for name in ("kept", "peak"))
        print(
            f"{rows} rows, {arguments.key} keys: {kept:.2f} KiB a row kept, {peak:.2f} at most; "
            f"the vectors themselves have {4 * harness.DIMENSION / 1024:.0f}"
        )
        # The libraries' own buffers weigh nothing beside a table only when it is a large one.
        if rows >= 100_000:
            harness.verdict("memory kept, KiB a row", kept, AIM)
            harness.verdict("memory at most, KiB a row", peak, AIM)


if __name__ == "__main__":
    main()
