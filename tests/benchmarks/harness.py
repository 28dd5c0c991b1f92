"""What all benchmarks share: the databases, a SQLite that both sides run in, and the timing."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasette_revimg.search import functions
from datasette_revimg.store import connection

K = 10
DIMENSION = 4096

# As much of a file as SQLite is asked to map; builds cap it, Debian's at 2 GiB.
MMAP = 1 << 40

REQUIREMENTS = "pip install -r tests/benchmarks/requirements.txt"


def parser(doc: str | None, rows: int | None = None) -> argparse.ArgumentParser:
    """With the options that all benchmarks take; ``rows`` is the default size."""
    result = argparse.ArgumentParser(description=(doc or "").partition("\n\n")[0])
    result.add_argument("--folder", type=Path, required=True, help="where generate.py has written")
    if rows is not None:
        result.add_argument("--rows", type=int, default=rows)
    return result


def name(rows: int, key: str) -> str:
    """Of the database file of so many rows with this kind of key."""
    return f"{'photos' if key == 'integer' else 'paths'}-{rows}.db"


def database(folder: Path, rows: int, key: str = "integer") -> Path:
    """The file of a size; SystemExit says how to make it."""
    file = folder / name(rows, key)
    if not file.is_file():
        raise SystemExit(f"{file}: there is no such database, make it with generate.py")
    return file


def sqlite_module() -> Any:
    """The first of Python's own sqlite3 and pysqlite3 that can load extensions.

    Everything is run in the same library, so that its version and build favour nobody.
    """
    for name in ("sqlite3", "pysqlite3"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(module.Connection, "enable_load_extension"):
            return module
    raise SystemExit(
        "this Python's sqlite3 can't load extensions, which sqlite-vec needs: "
        f"install pysqlite3-binary, {REQUIREMENTS}"
    )


def connect(file: Path, *, mmap: bool = False) -> sqlite3.Connection:
    """A connection without any of our functions."""
    conn: sqlite3.Connection = sqlite_module().connect(str(file), check_same_thread=False)
    if mmap:
        conn.execute(f"pragma mmap_size = {MMAP}")
    return conn


def ours(file: Path, *, mmap: bool = True) -> sqlite3.Connection:
    """A connection as the plugin prepares Datasette's, which maps the file; or without that."""
    conn = connect(file)
    functions.register(conn)
    if mmap:
        connection.map_pages(conn)
    return conn


def sqlite_vec(file: Path, *, mmap: bool = False) -> sqlite3.Connection:
    """A connection with sqlite-vec, loaded as its documentation says."""
    try:
        module = importlib.import_module("sqlite_vec")
    except ImportError as error:
        raise SystemExit(f"sqlite-vec is not installed: {REQUIREMENTS}") from error
    conn = connect(file, mmap=mmap)
    conn.enable_load_extension(True)
    module.load(conn)
    conn.enable_load_extension(False)
    return conn


def naive(file: Path, *, mmap: bool = False) -> sqlite3.Connection:
    """A connection with what everybody writes first: frombuffer twice, a dot, two norms."""

    def cosine(a: bytes, b: bytes) -> float:
        x, y = np.frombuffer(a, np.float32), np.frombuffer(b, np.float32)
        return float(np.dot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y)))

    conn = connect(file, mmap=mmap)
    conn.create_function("naive_cosine", 2, cosine, deterministic=True)
    return conn


def machine() -> None:
    """Print what the numbers were measured on."""
    module = sqlite_module()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{_processor()}, {cores} cores, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"SQLite {module.sqlite_version} through {module.__name__}, "
        f"{_version('sqlite_vec')}, {_version('datasette')}\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(name: str) -> str:
    try:
        return f"{name} {importlib.import_module(name).__version__}"
    except ImportError:
        return f"no {name}"


@dataclass(frozen=True)
class Timing:
    """What one contestant took, in milliseconds, run by run; and of the processors' time, which
    tells more on a machine that has other things to do."""

    runs: list[float]
    processor: Sequence[float] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def best(self) -> float:
        return min(self.runs)

    @property
    def p95(self) -> float:
        return float(np.percentile(self.runs, 95))


def race(
    contestants: Mapping[str, Callable[[int], Any]], runs: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Time each contestant ``runs`` times, in turn, so that a busy machine is busy for all.

    A contestant is called with the number of the run, by which it chooses its query.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    processor: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(-warm_up, runs):
        for name, contestant in contestants.items():
            start, used = time.perf_counter(), time.process_time()
            contestant(number)
            elapsed, used = time.perf_counter() - start, time.process_time() - used
            if number >= 0:
                taken[name].append(elapsed * 1000)
                processor[name].append(used * 1000)
    return {name: Timing(times, processor[name]) for name, times in taken.items()}


def report(title: str, timings: Mapping[str, Timing]) -> None:
    """Print a table; its last column says how many times as long as the first row each took."""
    first = next(iter(timings.values()))
    width = max(map(len, timings))
    print(f"{title}\n{'':{width}}  median ms  processor   best ms    p95 ms   × the first")
    for name, timing in timings.items():
        used = f"{statistics.median(timing.processor):.1f}" if timing.processor else "–"
        print(
            f"{name:{width}}  {timing.median:9.1f}  {used:>9} {timing.best:9.1f} {timing.p95:9.1f}"
            f"   {timing.median / first.median:11.2f}"
        )
    print()


def verdict(what: str, value: float, limit: float, *, at_least: bool = False) -> None:
    """Print one number beside what was aimed at."""
    met = value >= limit if at_least else value <= limit
    sign = "≥" if at_least else "≤"
    print(f"{'met' if met else 'MISSED'}: {what}: {value:.4g} (aim: {sign} {limit:g})")


def has_function(conn: sqlite3.Connection, name: str) -> bool:
    return bool(
        conn.execute("select 1 from pragma_function_list where name = ?", [name]).fetchone()
    )
