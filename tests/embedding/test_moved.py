"""Moved and renamed files keep their row, what the user has added to it, and their vector."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg.search.top_k import top_k
from datasette_revimg.store import connection
from kit.command import run, summary, vectors
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


def rows(path: Path) -> dict[str, tuple]:
    """Return each row's name, caption, and whether it is missing, by path."""
    with closing(sqlite3.connect(path)) as conn:
        found = conn.execute("select path, name, caption, missing is not null from photos")
        return {path: tuple(rest) for path, *rest in found}


def embed(database: Path, folder: Path) -> str:
    return summary(run("embed", database, "photos", folder).stdout)


def test_a_folder_that_is_renamed(database, pictures):
    before = vectors(database)
    (pictures / "b").rename(pictures / "c")
    assert embed(database, pictures) == (
        "photos: 0 embedded, 6 unchanged, 0 failed, 0 removed, 3 moved"
    )
    after = rows(database)
    assert set(after) == {f"{'ac'[n % 2]}/{n}.png" for n in range(6)}
    assert after["c/1.png"] == ("1.png", "of b/1.png", 0)
    stored = vectors(database)
    assert np.array_equal(stored[("c/1.png",)], before[("b/1.png",)])
    # Searches, through the codes too, know it by its new path.
    with closing(connection.connect(database)) as conn:
        hits = top_k(conn, "photos", before[("b/3.png",)], 6).hits
    assert hits[0].key == ("c/3.png",)
    assert {hit.key for hit in hits} == set(stored)
    assert embed(database, pictures) == "photos: 0 embedded, 6 unchanged, 0 failed, 0 removed"


def test_a_file_that_comes_back_elsewhere(database, pictures, tmp_path):
    file = pictures / "a" / "2.png"
    aside = shutil.move(file, tmp_path / "2.png")
    assert embed(database, pictures).endswith("0 removed, 1 missing")
    assert rows(database)["a/2.png"][2] == 1
    shutil.move(aside, pictures / "new name.png")
    assert embed(database, pictures).endswith("6 unchanged, 0 failed, 0 removed, 1 moved")
    assert rows(database)["new name.png"] == ("new name.png", "of a/2.png", 0)
    assert len(rows(database)) == 6


def test_of_equal_files_each_keeps_its_name(pictures, database):
    shutil.copy(pictures / "a" / "0.png", pictures / "a" / "copy.png")
    embed(database, pictures)
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("update photos set caption = 'the copy' where path = 'a/copy.png'")
    (pictures / "a").rename(pictures / "z")
    assert embed(database, pictures).endswith("7 unchanged, 0 failed, 0 removed, 4 moved")
    assert rows(database)["z/copy.png"][1] == "the copy"
    assert rows(database)["z/0.png"][1] == "of a/0.png"


def test_a_copy_and_a_changed_file_are_not_moved(database, pictures):
    shutil.copy(pictures / "a" / "0.png", pictures / "copy.png")
    (pictures / "a" / "2.png").unlink()
    # As long as the one that is gone, with other bytes.
    size = len(mosaic(2))
    (pictures / "other.png").write_bytes(mosaic(20).ljust(size, b"\0")[: max(size, 1)])
    result = run("embed", database, "photos", pictures)
    assert " moved" not in result.stdout
    after = rows(database)
    assert after["copy.png"][1] is None
    assert after["a/2.png"] == ("2.png", "of a/2.png", 1)
    assert after["a/0.png"][1] == "of a/0.png"


def test_only_files_of_the_right_size_are_read(database, pictures, monkeypatch):
    """Reading all new files once more would take as long as embedding many of them."""
    (pictures / "a" / "4.png").rename(pictures / "moved.png")
    (pictures / "larger.png").write_bytes(mosaic(7) + bytes(50_000))
    read = []

    def reading(file: Path) -> bytes:
        read.append(file.name)
        return file.read_bytes()

    monkeypatch.setattr("datasette_revimg.embedding.moved.read_file", reading)
    assert "1 embedded, 6 unchanged, 0 failed, 0 removed, 1 moved" in embed(database, pictures)
    assert "larger.png" not in read
    assert "moved.png" in read


def test_what_is_left_of_a_deleted_row_makes_way(database, pictures):
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("delete from photos where path = 'a/0.png'")
    (pictures / "a" / "0.png").unlink()
    (pictures / "a" / "2.png").rename(pictures / "a" / "0.png")
    assert embed(database, pictures).endswith("5 unchanged, 0 failed, 0 removed, 1 moved")
    assert rows(database)["a/0.png"] == ("0.png", "of a/2.png", 0)
    assert set(vectors(database)) == {(path,) for path in rows(database)}
