"""End ``embed`` by kill -9 at random moments, again and again: ``python tests/faults/kill.py``

After every kill the database must be whole, and what is in it must be what an uninterrupted run
stores; in the end the vectors must be the same to the last bit. ``--kills`` says how many times in
each of the four kinds of database: files or BLOBs, WAL or rollback journal, with codes or without.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.pictures import mosaic, photos_database
from kit.tiny_network import Tiny

PICTURES = 40

# As the command starts it, but for codes, which so few pictures would not get otherwise.
COMMAND = (
    "from datasette_revimg.vectors import codes\n"
    "if {codes}: codes.WHOLE_BYTES = 0\n"
    "from datasette_revimg.cli import revimg\n"
    "revimg()"
)


@dataclass(frozen=True)
class Kind:
    """A kind of database, and what is embedded into it."""

    files: bool
    journal: str
    codes: bool

    def __str__(self) -> str:
        source = "files" if self.files else "BLOBs"
        return f"{source}, {self.journal}, {'with' if self.codes else 'without'} codes"


KINDS = (
    Kind(files=True, journal="wal", codes=False),
    Kind(files=True, journal="delete", codes=True),
    Kind(files=False, journal="delete", codes=False),
    Kind(files=False, journal="wal", codes=True),
)


def prepare(folder: Path, kind: Kind) -> Path:
    """Create the database, and beside it the files where these are what is embedded."""
    database = folder / "photos.db"
    # A network that takes no time, so that most kills hit what is written.
    tiny = Tiny(folder / "tiny.onnx", dimension=256)
    tiny.save()
    tiny.describe()
    pictures = {number: mosaic(number) for number in range(1, PICTURES + 1)}
    if kind.files:
        (folder / "files").mkdir()
        for number, picture in pictures.items():
            (folder / "files" / f"{number}.png").write_bytes(picture)
    else:
        photos_database(database, pictures)
    with closing(sqlite3.connect(database)) as conn:
        conn.execute(f"pragma journal_mode = {kind.journal}")
    return database


def start(database: Path, kind: Kind) -> subprocess.Popen[bytes]:
    """Start ``embed``, in batches so small that there are many transactions to be hit."""
    paths = [database.parent / "files"] if kind.files else []
    return subprocess.Popen(
        [
            *(sys.executable, "-c", COMMAND.format(codes=kind.codes)),
            *("embed", database, "photos", *paths, "--model", database.with_name("tiny.onnx")),
            *("--batch-size", "2", "--threads", "1", "-s"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(database: Path, kind: Kind) -> str:
    """Run ``embed`` to its end and return what it printed."""
    process = start(database, kind)
    output, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


Stored = dict[object, tuple[bytes, bytes, bytes]]


def stored(database: Path) -> Stored:
    """Read what is stored of each row; AssertionError unless all of it goes together."""
    with closing(sqlite3.connect(database)) as conn:
        assert conn.execute("pragma integrity_check").fetchone() == ("ok",)
        tables = {name for (name,) in conn.execute("select name from sqlite_master")}
        if "_revimg_photos" not in tables:
            return {}
        key = "path" if "path" in columns(conn, "_revimg_photos") else "id"
        rows = conn.execute(
            f"select v.{key}, v.embedding, v.content_hash, t.thumbnail from _revimg_photos as v "
            f"left join _revimg_photos_thumbnails as t on t.{key} = v.{key}"
        ).fetchall()
        assert all(thumbnail is not None for *_, thumbnail in rows)
        for table in ("_revimg_photos", "_revimg_photos_thumbnails"):
            assert conn.execute(f"select count(*) from {table}").fetchone() == (len(rows),)
            orphans = f"select count(*) from {table} where {key} not in (select {key} from photos)"
            assert conn.execute(orphans).fetchone() == (0,)
        (counted,) = conn.execute(
            "select vectors from _revimg_photos_basis where number = 0"
        ).fetchone()
        assert counted == len(rows)
        return {key: (vector, content, thumb) for key, vector, content, thumb in rows}


def columns(conn: sqlite3.Connection, table: str) -> list[str]:
    """Return the names of a table's columns."""
    return [name for (name,) in conn.execute("select name from pragma_table_info(?)", [table])]


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
    done = 0
    while done < kills:
        process = start(database, kind)
        time.sleep(chance.uniform(0.3, 1.0) * whole)
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        now = stored(database)
        assert all(expected[key] == value for key, value in now.items())
        if ended or len(now) == PICTURES:
            shutil.rmtree(folder / "killed")
            (folder / "killed").mkdir()
            database = prepare(folder / "killed", kind)
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
