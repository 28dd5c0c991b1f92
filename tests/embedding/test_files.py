"""``datasette revimg embed``: files, folders and paths, with the bundled network."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from datasette_revimg.embedding import folders
from datasette_revimg.embedding.base import base_folder
from datasette_revimg.store import connection, failed_rows, registry
from kit.command import run, summary, vectors
from kit.pictures import mosaic


@pytest.fixture
def folder(tmp_path):
    """Four pictures in two folders, and things that aren't pictures."""
    root = tmp_path / "pictures"
    (root / "deep" / "deeper").mkdir(parents=True)
    (root / "a.png").write_bytes(mosaic(1))
    (root / "b.JPG").write_bytes(mosaic(2, "JPEG"))
    (root / "deep" / "c.png").write_bytes(mosaic(3))
    (root / "deep" / "deeper" / "ünï.webp").write_bytes(mosaic(4, "WEBP"))
    (root / "notes.txt").write_text("no picture")
    (root / "._a.png").write_bytes(b"a resource fork")
    (root / ".trash").mkdir()
    (root / ".trash" / "old.png").write_bytes(mosaic(5))
    return root


def test_paths_in_a_column(tmp_path, folder):
    path = tmp_path / "paths.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (id integer primary key, note text, file text)")
        conn.executemany(
            "insert into photos values (?, 'a note', ?)",
            [
                (1, "pictures/a.png"),
                (2, str(folder / "deep" / "c.png")),
                (3, "pictures/gone.png"),
                (4, "../outside.png"),
                (5, "https://example.com/x.png"),
                (6, "pictures"),
            ],
        )
    (tmp_path.parent / "outside.png").write_bytes(mosaic(9))
    result = run("embed", path, "photos", "--silent")
    assert summary(result.stdout) == "photos: 2 embedded, 0 unchanged, 4 failed, 0 removed"
    reasons = dict(line.split(": ", 1) for line in result.stderr.strip().splitlines())
    assert reasons["photos 3"] == "no such file"
    assert "outside the base folder" in reasons["photos 4"]
    assert "web address" in reasons["photos 5"]
    assert reasons["photos 6"] == "not a file"
    (folder / "a.png").unlink()
    result = run("embed", path, "photos")
    assert "1 unchanged, 5 failed" in result.stdout
    # A file that can't be read today says nothing against the vector of yesterday.
    assert sorted(vectors(path)) == [(1,), (2,)]


def test_base_dir(tmp_path, folder):
    path = tmp_path / "elsewhere" / "paths.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (file text primary key)")
        conn.execute("insert into photos values ('deep/c.png')")
    error = run("embed", path, "photos", status=1).stderr
    assert "--base-dir" in error
    run("embed", path, "photos", "--base-dir", folder)
    assert registry.embedded(connection.connect(path), "photos").base_dir == "../pictures"
    assert "1 unchanged" in run("embed", path, "photos").stdout


def test_absolute_paths_need_their_folder_named(tmp_path, folder):
    path = tmp_path / "elsewhere" / "paths.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (file text primary key)")
        conn.execute("insert into photos values (?)", [str(folder / "a.png")])
    error = run("embed", path, "photos", status=1).stderr
    assert f"--base-dir {folder}" in error
    run("embed", path, "photos", "--base-dir", folder)


def test_folder(tmp_path, folder):
    path = tmp_path / "new.db"
    result = run("embed", path, "photos", folder)
    assert summary(result.stdout) == "photos: 4 embedded, 0 unchanged, 0 failed, 0 removed"
    conn = connection.connect(path)
    conn.row_factory = sqlite3.Row
    rows = {row["path"]: dict(row) for row in conn.execute("select * from photos")}
    assert sorted(rows) == ["a.png", "b.JPG", "deep/c.png", "deep/deeper/ünï.webp"]
    jpeg = rows["b.JPG"]
    assert (jpeg["name"], jpeg["width"], jpeg["height"], jpeg["format"]) == (
        "b.JPG",
        40,
        30,
        "JPEG",
    )
    assert jpeg["size"] == (folder / "b.JPG").stat().st_size
    assert "content" not in jpeg


def test_folder_again(tmp_path, folder):
    path = tmp_path / "new.db"
    run("embed", path, "photos", folder)
    (folder / "a.png").unlink()
    (folder / "b.JPG").write_bytes(mosaic(22, "JPEG"))
    (folder / "d.png").write_bytes(mosaic(6))
    os.utime(folder / "deep" / "c.png", (1, 1))
    result = run("embed", path, "photos", folder)
    expected = "photos: 2 embedded, 2 unchanged, 0 failed, 0 removed, 1 missing"
    assert summary(result.stdout) == expected
    rows = dict(connection.connect(path).execute("select path, mtime from photos"))
    assert sorted(rows) == ["a.png", "b.JPG", "d.png", "deep/c.png", "deep/deeper/ünï.webp"]
    assert rows["deep/c.png"].startswith("1970-01-01")
    assert "4 unchanged" in run("embed", path, "photos", folder).stdout


def test_files_of_the_same_size_and_time_are_not_read(tmp_path, folder, monkeypatch):
    path = tmp_path / "new.db"
    run("embed", path, "photos", folder)
    (folder / "b.JPG").write_bytes(mosaic(22, "JPEG"))
    read = []

    def noted(file):
        read.append(file.name)
        return file.read_bytes()

    monkeypatch.setattr(folders, "read_file", noted)
    result = run("embed", path, "photos", folder)
    assert summary(result.stdout).startswith("photos: 1 embedded, 3 unchanged, 0 failed")
    assert read == ["b.JPG"]


def test_a_second_folder_leaves_the_first_alone(tmp_path, folder):
    path = tmp_path / "new.db"
    run("embed", path, "photos", folder / "deep")
    error = run("embed", path, "photos", folder / "a.png", status=1).stderr
    assert f"--base-dir {folder}" in error
    result = run("embed", path, "photos", folder / "a.png", "--base-dir", folder)
    assert summary(result.stdout) == "photos: 1 embedded, 0 unchanged, 0 failed, 0 removed"
    assert sorted(vectors(path)) == [("a.png",), ("deep/c.png",), ("deep/deeper/ünï.webp",)]
    assert "3 unchanged" in run("embed", path, "photos").stdout


def test_moving_the_base_past_paths_that_look_alike(tmp_path):
    """z/b.png becomes z/z/b.png, and b.png takes its place."""
    folder = tmp_path / "z"
    (folder / "z").mkdir(parents=True)
    (folder / "b.png").write_bytes(mosaic(1))
    (folder / "z" / "b.png").write_bytes(mosaic(2))
    path = tmp_path / "new.db"
    run("embed", path, "photos", folder)
    result = run("embed", path, "photos", folder, "--base-dir", tmp_path)
    assert summary(result.stdout) == "photos: 0 embedded, 2 unchanged, 0 failed, 0 removed"
    assert sorted(vectors(path)) == [("z/b.png",), ("z/z/b.png",)]


def test_store_keeps_the_bytes(tmp_path, folder):
    path = tmp_path / "new.db"
    run("embed", path, "photos", folder)
    run("embed", path, "photos", folder, "--store", "--replace")
    conn = connection.connect(path)
    assert conn.execute("select content from photos where path = 'a.png'").fetchone() == (
        mosaic(1),
    )
    assert registry.embedded(conn, "photos").kind == "blob"
    assert conn.execute("select width from photos where path = 'a.png'").fetchone() == (40,)
    for file in folder.rglob("*.*"):
        if file.is_file():
            file.unlink()
    # The database needs its files no more.
    assert "4 unchanged" in run("embed", path, "photos").stdout


def test_a_bad_file_has_a_row_and_a_reason(tmp_path, folder):
    (folder / "broken.png").write_bytes(mosaic(1)[:50])
    path = tmp_path / "new.db"
    result = run("embed", path, "photos", folder)
    assert summary(result.stdout) == "photos: 4 embedded, 0 unchanged, 1 failed, 0 removed"
    assert "photos broken.png: damaged picture" in result.stderr
    (folder / "broken.png").write_bytes(mosaic(1))
    run("embed", path, "photos", folder)
    assert failed_rows.read(connection.connect(path), "photos") == []


def test_names_that_promise_another_format(tmp_path):
    """The content decides, once a name is that of a picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(mosaic(1, "JPEG"))
    (folder / "b.jpg").write_bytes(mosaic(2, "WEBP"))
    (folder / "c.gif").write_text("words")
    result = run("embed", tmp_path / "new.db", "photos", folder)
    assert summary(result.stdout) == "photos: 2 embedded, 0 unchanged, 1 failed, 0 removed"
    assert "photos c.gif: not a picture in a format that can be read" in result.stderr
    rows = connection.connect(tmp_path / "new.db").execute("select path, format from photos")
    assert dict(rows.fetchall()) == {"a.png": "JPEG", "b.jpg": "WEBP", "c.gif": None}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names of any bytes")
def test_file_names_that_are_not_utf8(tmp_path):
    odd = os.fsencode(tmp_path) + b"/caf\xe9.png"
    Path(os.fsdecode(odd)).write_bytes(mosaic(1))
    result = run("embed", tmp_path / "new.db", "photos", tmp_path)
    assert summary(result.stdout).startswith("photos: 1 embedded")


def test_base_folder_of_a_moved_database(tmp_path, folder):
    """Database and pictures move together."""
    run("embed", tmp_path / "new.db", "photos", folder)
    moved = tmp_path / "moved"
    moved.mkdir()
    folder.rename(moved / "pictures")
    (tmp_path / "new.db").rename(moved / "new.db")
    embedded = registry.embedded(connection.connect(moved / "new.db"), "photos")
    assert base_folder(moved / "new.db", embedded) == moved / "pictures"
    assert "4 unchanged" in run("embed", moved / "new.db", "photos").stdout
