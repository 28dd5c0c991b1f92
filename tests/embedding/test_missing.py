"""Files that are gone, and folders that can't be read: no row of the user's is ever deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from datasette_revimg.cli import revimg
from datasette_revimg.embedding.base import base_folder
from datasette_revimg.embedding.folders import find_pictures
from datasette_revimg.embedding.originals import read_original
from datasette_revimg.search import top_k
from datasette_revimg.store import connection, reading, registry, tables
from kit.command import error_of, run, summary, vectors
from kit.pictures import mosaic


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Two folders with three pictures each."""
    folder = tmp_path / "pictures"
    for number in range(6):
        file = folder / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(mosaic(number))
    return folder


@pytest.fixture
def database(tmp_path, pictures) -> Path:
    """The pictures, embedded, each with a caption that the user has written."""
    path = tmp_path / "photos.db"
    run("embed", path, "photos", pictures)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("alter table photos add column caption text")
        conn.execute("update photos set caption = 'of ' || path")
    return path


def captions(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as conn:
        return dict(conn.execute("select path, caption from photos"))


def missing(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as conn:
        return dict(conn.execute("select path, missing from photos where missing is not null"))


def found_for(path: Path, key: str) -> set[str]:
    """The rows that a search for those like this one finds, all there are."""
    with closing(connection.connect(path)) as conn:
        query = reading.vector(conn, "photos", [key])
        result = top_k.top_k(conn, "photos", query, 20, exclude={(key,)}, counted=True)
        assert result.candidates == len(result.hits)
        return {hit.key[0] for hit in result.hits}


def test_a_folder_that_went_away_and_came_back(database, pictures, tmp_path):
    before, stored = captions(database), vectors(database)
    shutil.move(pictures / "b", tmp_path / "elsewhere")
    result = run("embed", database, "photos", pictures)
    expected = "photos: 0 embedded, 3 unchanged, 0 failed, 0 removed, 3 missing"
    assert summary(result.stdout) == expected
    assert captions(database) == before
    gone = missing(database)
    assert sorted(gone) == ["b/1.png", "b/3.png", "b/5.png"]
    assert all(datetime.fromisoformat(time).tzinfo for time in gone.values())
    # No search finds them, but they may be asked about.
    assert found_for(database, "a/0.png") == {"a/2.png", "a/4.png"}
    assert found_for(database, "b/1.png") == {"a/0.png", "a/2.png", "a/4.png"}
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute(
            "update photos set missing = '2020-01-01T00:00:00+00:00' where path = 'b/1.png'"
        )
    run("embed", database, "photos", pictures)
    # The time is that of the first run that missed it.
    assert missing(database)["b/1.png"].startswith("2020")
    shutil.move(tmp_path / "elsewhere", pictures / "b")
    result = run("embed", database, "photos", pictures)
    assert summary(result.stdout) == "photos: 0 embedded, 6 unchanged, 0 failed, 0 removed"
    assert (missing(database), captions(database)) == ({}, before)
    assert found_for(database, "a/0.png") == {key for (key,) in stored} - {"a/0.png"}
    now = vectors(database)
    assert {key: vector.tobytes() for key, vector in now.items()} == {
        key: vector.tobytes() for key, vector in stored.items()
    }


def test_an_empty_mount_point(database, pictures):
    before = captions(database)
    shutil.rmtree(pictures / "b")
    (pictures / "b").mkdir()
    assert "3 missing" in run("embed", database, "photos", pictures).stdout
    # With nothing at all below it, the folder itself may be the one that isn't mounted.
    shutil.rmtree(pictures / "a")
    assert "no pictures in" in error_of("embed", database, "photos", pictures)
    assert captions(database) == before
    assert len(missing(database)) == 3


class Unreadable:
    """Makes ``os.scandir`` or ``os.stat`` refuse a folder, whoever runs the tests."""

    def __init__(self, folder: Path, function):
        self.folder, self.function = os.fspath(folder), function

    def __call__(self, path=".", *arguments, **options):
        name = os.fspath(path) if not isinstance(path, int) else ""
        if name == self.folder or (self.function is os.stat and name.startswith(self.folder + "/")):
            raise PermissionError(13, "Permission denied", name)
        return self.function(path, *arguments, **options)


def test_a_folder_that_cannot_be_listed(database, pictures, monkeypatch):
    before, stored = captions(database), len(vectors(database))
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", Unreadable(pictures / "b", os.scandir))
        result = run("embed", database, "photos", pictures)
    assert summary(result.stdout) == "photos: 0 embedded, 3 unchanged, 0 failed, 0 removed"
    assert str(pictures / "b") in result.stderr
    assert "Permission denied" in result.stderr
    assert (captions(database), missing(database)) == (before, {})
    assert len(vectors(database)) == stored
    assert len(found_for(database, "a/0.png")) == 5


def test_a_folder_whose_files_cannot_be_looked_at(database, pictures, monkeypatch):
    """It can be listed but not entered, as after chmod 644."""
    stored = len(vectors(database))
    real = Path.stat

    def stat(self, **options):
        if self.parent == pictures / "b":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", stat)
        result = run("embed", database, "photos", pictures)
    assert "0 embedded, 3 unchanged, 3 failed" in result.stdout
    assert "photos b/1.png: can't be read: Permission denied" in result.stderr
    assert len(vectors(database)) == stored


def test_prune_says_how_many_and_asks(database, pictures):
    shutil.rmtree(pictures / "b")
    runner, arguments = CliRunner(), ["embed", str(database), "photos", str(pictures), "--prune"]
    # Nobody is there to answer.
    refused = runner.invoke(revimg, arguments)
    assert refused.exit_code == 1
    assert "would delete 3 rows of photos" in refused.stderr
    assert "--yes" in refused.stderr
    assert len(captions(database)) == 6
    done = runner.invoke(revimg, [*arguments, "--yes"])
    assert done.exit_code == 0, done.output
    assert "3 rows deleted" in done.stderr
    assert sorted(captions(database)) == ["a/0.png", "a/2.png", "a/4.png"]
    assert sorted(vectors(database)) == [("a/0.png",), ("a/2.png",), ("a/4.png",)]
    assert run("embed", database, "photos", pictures, "--prune").exit_code == 0


@pytest.mark.parametrize(("answer", "left"), [("n", 6), ("y", 3)])
def test_prune_asks_a_person(database, pictures, monkeypatch, answer, left):
    shutil.rmtree(pictures / "b")
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)
    arguments = ["embed", str(database), "photos", str(pictures), "--prune"]
    asked = CliRunner().invoke(revimg, arguments, input=f"{answer}\n")
    assert asked.exit_code == 0, asked.output
    assert "Delete 3 rows of photos whose file is gone?" in asked.stderr
    assert len(captions(database)) == left


def test_a_column_of_the_users_that_is_called_missing(database, pictures):
    """Its values are never changed, and mean nothing to a search."""
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("update photos set missing = 'the frame' where path in ('b/1.png', 'a/2.png')")
    shutil.rmtree(pictures / "b")
    run("embed", database, "photos", pictures)
    assert missing(database)["b/1.png"] == missing(database)["a/2.png"] == "the frame"
    assert found_for(database, "a/0.png") == {"a/2.png", "a/4.png", "b/1.png"}


@pytest.mark.parametrize("path", [None, b"\xff\x00", 7])
def test_a_row_whose_path_is_no_text(database, pictures, path):
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("insert into photos (path, caption) values (?, 'odd')", [path])
    result = run("embed", database, "photos", pictures)
    assert "0 embedded, 6 unchanged, 0 failed" in result.stdout
    assert len(captions(database)) == 7


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_not_utf8(database, pictures):
    """It is found again by its row, unless another file has the name that stands for it."""
    odd = Path(os.fsdecode(os.fsencode(pictures) + b"/caf\xe9.png"))
    odd.write_bytes(mosaic(29))
    key = "caf\\udce9.png"
    assert "1 embedded, 6 unchanged, 0 failed" in run("embed", database, "photos", pictures).stdout
    assert "0 embedded, 7 unchanged" in run("embed", database, "photos", pictures).stdout
    with closing(connection.connect(database)) as conn:
        source, embedded = tables.find(conn, "photos"), registry.embedded(conn, "photos")
        base = base_folder(database, embedded)
        assert read_original(conn, source, embedded, base, (key,)) == mosaic(29)
    (pictures / key).write_bytes(mosaic(30))
    for _ in range(2):
        result = run("embed", database, "photos", pictures)
        assert "another file has the name that stands for it: rename one" in result.stderr
    assert "0 embedded, 7 unchanged, 1 failed" in result.stdout


def test_what_is_skipped_is_counted_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr("datasette_revimg.pictures.opening.suffixes", lambda: frozenset({".png"}))
    folder = tmp_path / "mixed"
    folder.mkdir()
    names = ["a.HEIC", "b.heic", "c.CR2", "d.svg", "e.txt", "f.mov", ".g.heic"]
    for name in names:
        (folder / name).write_bytes(b"x")
    error = error_of("embed", tmp_path / "new.db", "photos", folder)
    assert "2 HEIC files skipped: `datasette install pillow-heif`" in error
    (folder / "h.png").write_bytes(mosaic(1))
    result = run("embed", tmp_path / "new.db", "photos", folder)
    assert "photos: 2 HEIC files skipped: `datasette install pillow-heif`" in result.stderr
    assert "photos: 1 camera RAW file skipped: `datasette install rawpy`" in result.stderr
    assert find_pictures([folder]).skipped == {"HEIC": 2, "camera RAW": 1, "SVG": 1, "video": 1}
    # Status knows of the latest run, and of nothing once the table is forgotten.
    database = tmp_path / "new.db"
    status = run("status", database).stdout
    assert "\n  2 HEIC files skipped: `datasette install pillow-heif`" in status
    assert "\n  1 video file skipped: this format can't be read\n" in status
    for name in names:
        (folder / name).unlink()
    run("embed", database, "photos", folder)
    assert "skipped" not in run("status", database).stdout


def test_what_is_skipped_is_forgotten_with_its_table(tmp_path):
    for table in ("photos", "others"):
        (tmp_path / table).mkdir()
        (tmp_path / table / "a.png").write_bytes(mosaic(1))
        (tmp_path / table / "b.svg").write_bytes(b"x")
        run("embed", tmp_path / "new.db", table, tmp_path / table)
    run("forget", tmp_path / "new.db", "photos")
    assert run("status", tmp_path / "new.db").stdout.count("1 SVG file skipped") == 1
    with closing(connection.connect(tmp_path / "new.db")) as conn:
        names = [name for (name,) in conn.execute("select name from _revimg_meta order by name")]
    assert names == ["skipped others", "version"]
