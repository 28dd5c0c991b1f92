"""Runs of ``embed`` in processes of their own, and what they leave behind."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kit.pictures import mosaic, photos_database
from kit.tiny_network import Tiny

PICTURES = 40

# Vector, content hash and thumbnail of each row.
Stored = dict[object, tuple[bytes, bytes, bytes]]

# As the command starts it, but for codes, which so few pictures would not get otherwise.
COMMAND = (
    "from datasette_revimg.vectors import codes\n"
    "if {codes}: codes.WHOLE_BYTES = 0\n"
    "{before}\n"
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


def start(database: Path, kind: Kind, before: str = "") -> subprocess.Popen[str]:
    """Start ``embed``, in batches so small that there are many transactions to be hit.

    ``before`` are lines of Python that its process runs first.
    """
    paths = [database.parent / "files"] if kind.files else []
    return subprocess.Popen(
        [
            *(sys.executable, "-c", COMMAND.format(codes=kind.codes, before=before)),
            *("embed", database, "photos", *paths, "--model", database.with_name("tiny.onnx")),
            *("--batch-size", "2", "--threads", "1", "-s"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(database: Path, kind: Kind) -> str:
    """Run ``embed`` to its end and return what it printed."""
    process = start(database, kind)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


def refusal(process: subprocess.Popen[str]) -> str:
    """Let a run end that must fail, and return the one line that says why."""
    _, errors = process.communicate()
    assert process.returncode == 1, errors
    (line,) = errors.splitlines()
    assert line.startswith("Error: ")
    return line


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
