"""``datasette revimg embed --watch``."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import Queue

import pytest

from kit.command import error_of, run, vectors
from kit.pictures import mosaic

# A busy machine must not decide.
SECONDS = 120


class Watching:
    """The command in a process of its own, and the lines that it prints."""

    def __init__(self, database: Path, folder: Path) -> None:
        command = [sys.executable, "-m", "datasette", "revimg", "embed", database, "photos", folder]
        self.process = subprocess.Popen(
            [*map(str, command), "--watch", "-s"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line)

    def until(self, words: str) -> str:
        """Wait for a line that contains the words."""
        while True:
            line = self.lines.get(timeout=SECONDS)
            if words in line:
                return line


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "folder").mkdir(parents=True)
    (folder / "a.png").write_bytes(mosaic(1))
    return folder


def add(file: Path, data: bytes) -> None:
    """Create a file with all its bytes at once."""
    hidden = file.with_name(f".{file.name}")
    hidden.write_bytes(data)
    hidden.rename(file)


@pytest.fixture
def watching(tmp_path: Path, pictures: Path) -> Iterator[Watching]:
    """The command, which watches a folder that the database lies in."""
    watched = Watching(pictures / "photos.db", pictures)
    yield watched
    watched.process.kill()
    watched.process.wait()


def test_changes_are_embedded_until_it_is_stopped(watching: Watching, pictures: Path) -> None:
    watching.until("waiting for changes")
    add(pictures / "b.png", mosaic(2))
    assert "1 embedded, 1 unchanged" in watching.until(" embedded,")
    (pictures / "b.png").rename(pictures / "folder" / "c.png")
    assert "0 embedded, 2 unchanged, 0 failed, 0 removed, 1 moved" in watching.until(" embedded,")
    (pictures / "a.png").unlink()
    assert watching.until(" missing").startswith("photos: 0 embedded, 1 unchanged")
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(timeout=SECONDS) == 130
    assert set(vectors(pictures / "photos.db")) == {("folder/c.png",)}


def test_it_waits_while_another_program_writes(watching: Watching, pictures: Path) -> None:
    watching.until("waiting for changes")
    with closing(sqlite3.connect(pictures / "photos.db", isolation_level=None)) as writer:
        writer.execute("begin immediate")
        add(pictures / "b.png", mosaic(2))
        assert "lock" in watching.until("Error: ")
        writer.execute("rollback")
    assert "1 embedded, 1 unchanged" in watching.until(" embedded,")


def test_only_files_are_watched(tmp_path: Path) -> None:
    result = run("embed", tmp_path / "photos.db", "photos", "--watch", status=2)
    assert "--watch goes with PATHs" in result.stderr


def test_without_the_package(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    error = error_of("embed", tmp_path / "photos.db", "photos", pictures, "--watch")
    assert "run `datasette install watchfiles`" in error
    assert not (tmp_path / "photos.db").exists()
