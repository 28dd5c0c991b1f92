"""End ``embed`` by kill -9 at random moments, again and again: ``python tests/faults/kill.py``

After every kill the database must be whole, and what is in it must be what an uninterrupted run
stores; in the end the vectors must be the same to the last bit. ``--kills`` says how many times in
each of the four kinds of database: files or BLOBs, WAL or rollback journal, with codes or without.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.runs import KINDS, PICTURES, Kind, finish, prepare, start, stored


def kill_again_and_again(folder: Path, kind: Kind, kills: int, seed: int) -> Iterator[int]:
    """Kill ``embed`` this many times; yield after each how many rows were stored by then.

    A run that ends before its time starts over with an empty store, so every kill hits one.
    """
    chance = random.Random(seed)
    (folder / "whole").mkdir(parents=True)
    expected_from = prepare(folder / "whole", kind)
    began = time.monotonic()
    finish(expected_from, kind)
    whole = time.monotonic() - began
    expected = stored(expected_from)
    assert len(expected) == PICTURES
    (folder / "killed").mkdir()
    database = prepare(folder / "killed", kind)
    done = kept = 0
    while done < kills:
        process = start(database, kind)
        slept = chance.uniform(0.3, 1.0) * whole
        time.sleep(slept)
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        now = stored(database)
        # Other programs make a run faster or slower than the first one; what is to be hit is the
        # part in which it writes.
        if ended:
            whole = min(whole, slept)
        elif len(now) == kept:
            whole *= 1.1
        kept = len(now)
        assert all(expected[key] == value for key, value in now.items())
        if ended or len(now) == PICTURES:
            shutil.rmtree(folder / "killed")
            (folder / "killed").mkdir()
            database = prepare(folder / "killed", kind)
            kept = 0
        if not ended:
            done += 1
            yield len(now)
    finish(database, kind)
    assert stored(database) == expected
    assert f"0 embedded, {PICTURES} unchanged, 0 failed" in finish(database, kind)


def main() -> None:
    """Kill in all kinds of databases, and print how far the runs came."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="in each kind of database")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            rows = list(kill_again_and_again(Path(folder), kind, arguments.kills, arguments.seed))
        print(f"{kind}: {len(rows)} kills, whole after each; rows stored by then: {rows}")


if __name__ == "__main__":
    main()
