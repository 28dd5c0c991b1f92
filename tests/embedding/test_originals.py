"""A row's own picture: from its BLOB or its file, and from nowhere else."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.embedding.base import base_folder
from datasette_revimg.embedding.originals import read_original
from datasette_revimg.errors import (
    NoPictureError,
    OutsideFolderError,
    PictureGoneError,
    RevimgError,
)
from datasette_revimg.store import connection, registry, tables
from kit import scenes


def original(database, table, *key):
    with closing(connection.connect(database)) as conn:
        embedded = registry.embedded(conn, table)
        folder = base_folder(database, embedded)
        return read_original(conn, tables.find(conn, table), embedded, folder, key)


def read_error(database, table, *key):
    """Read an original, which must fail, and return the error; it names no folder."""
    with pytest.raises(RevimgError) as caught:
        original(database, table, *key)
    assert str(database.parent) not in str(caught.value)
    return caught.value


def test_blob_and_file(scenes_db):
    expected = scenes.saved(scenes.scene(3))
    assert original(scenes_db, "photos", 3) == expected
    assert original(scenes_db, "files", "in/3.jpg") == expected


def test_row_without_a_picture(scenes_db):
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("update photos set picture = null where id = 1")
        conn.execute("update photos set picture = 'in/2.jpg' where id = 2")
    for key in (1, 2, 99):
        assert isinstance(read_error(scenes_db, "photos", key), NoPictureError)
    assert isinstance(read_error(scenes_db, "files", "absent.jpg"), NoPictureError)


def test_file_that_was_moved(scenes_db):
    (scenes_db.parent / "in" / "3.jpg").unlink()
    gone = read_error(scenes_db, "files", "in/3.jpg")
    assert isinstance(gone, PictureGoneError)
    assert "in/3.jpg" in str(gone)
    assert "moved" in str(gone)


@pytest.mark.parametrize("path", ["../secret.jpg", "in/../../secret.jpg", "{absolute}"])
def test_nothing_outside_the_folder(scenes_db, tmp_path_factory, path):
    outside = tmp_path_factory.mktemp("outside") / "secret.jpg"
    outside.write_bytes(b"secret")
    (scenes_db.parent.parent / "secret.jpg").write_bytes(b"secret")
    path = path.format(absolute=outside)
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("insert into files values (?, 'x')", [path])
    assert isinstance(read_error(scenes_db, "files", path), OutsideFolderError)


def point_to(database, path, key="in/3.jpg"):
    """Write another path into a row that was embedded, as somebody may who may write rows."""
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("update files set path = ? where path = ?", [path, key])
        conn.execute("update _revimg_files set path = ? where path = ?", [path, key])


def test_only_the_file_that_was_embedded(scenes_db, tmp_path_factory):
    """Whatever else the path leads to, the sentence is the same: it says nothing about files."""
    folder, outside = scenes_db.parent / "in", tmp_path_factory.mktemp("outside")
    (outside / "secret.jpg").write_bytes(scenes.saved(scenes.scene(3)))
    (folder / "text.txt").write_text("no picture")
    (folder / "link.jpg").symlink_to(outside / "secret.jpg")
    (folder / "folder.jpg").mkdir()
    said = set()
    key = "in/3.jpg"
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("delete from files where path = 'in/4.jpg'")
        conn.execute("delete from _revimg_files where path = 'in/4.jpg'")
    for path in (
        "in/4.jpg",
        "in/text.txt",
        "in/absent.jpg",
        "in/link.jpg",
        "in/folder.jpg",
        "in/\0x",
    ):
        point_to(scenes_db, path, key)
        key = path
        gone = read_error(scenes_db, "files", path)
        assert isinstance(gone, PictureGoneError)
        said.add(str(gone).replace(path, "PATH"))
    assert len(said) == 1
    point_to(scenes_db, "in/same.jpg", key)
    # A link that stays inside leads to a file like any other.
    (folder / "same.jpg").symlink_to("3.jpg")
    assert original(scenes_db, "files", "in/same.jpg") == scenes.saved(scenes.scene(3))


def test_a_row_without_a_vector(scenes_db):
    """Its file was never embedded: anybody may have written the path."""
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("insert into files values ('in/x/../4.jpg', 'x')")
    assert isinstance(read_error(scenes_db, "files", "in/x/../4.jpg"), PictureGoneError)


def test_folder_that_is_a_link_itself(scenes_db, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(scenes_db.parent)
    assert original(link / scenes_db.name, "files", "in/3.jpg") == scenes.saved(scenes.scene(3))


def test_database_without_a_file(scenes_db):
    with closing(connection.connect(scenes_db)) as conn:
        blobs, files = registry.embedded(conn, "photos"), registry.embedded(conn, "files")
        source = tables.find(conn, "photos")
        assert read_original(conn, source, blobs, None, (3,)) == scenes.saved(scenes.scene(3))
        with pytest.raises(NoPictureError, match="base_dirs"):
            read_original(conn, tables.find(conn, "files"), files, None, ("in/3.jpg",))
