"""A row's own picture: from its BLOB or its file, and from nowhere else."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("path", ["../secret.jpg", "in/../../secret.jpg", "{absolute}", "in/\0x"])
def test_nothing_outside_the_folder(scenes_db, tmp_path_factory, path):
    outside = tmp_path_factory.mktemp("outside") / "secret.jpg"
    outside.write_bytes(b"secret")
    (scenes_db.parent.parent / "secret.jpg").write_bytes(b"secret")
    path = path.format(absolute=outside)
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("insert into files values (?, 'x')", [path])
    assert isinstance(read_error(scenes_db, "files", path), OutsideFolderError)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_that_lead_out_are_not_followed(scenes_db, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.jpg").write_bytes(b"secret")
    folder = scenes_db.parent / "in"
    (folder / "file.jpg").symlink_to(outside / "secret.jpg")
    (folder / "folder").symlink_to(outside)
    (folder / "same.jpg").symlink_to("3.jpg")
    paths = ["in/file.jpg", "in/folder/secret.jpg", "in/same.jpg"]
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.executemany("insert into files values (?, 'x')", [[path] for path in paths])
    for path in paths[:2]:
        assert isinstance(read_error(scenes_db, "files", path), OutsideFolderError)
    # One that stays inside is a file like any other.
    assert original(scenes_db, "files", "in/same.jpg") == scenes.saved(scenes.scene(3))


def test_folder_that_is_a_link_itself(scenes_db, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(scenes_db.parent)
    assert original(link / scenes_db.name, "files", "in/3.jpg") == scenes.saved(scenes.scene(3))


def test_database_without_a_file(scenes_db):
    with closing(connection.connect(scenes_db)) as conn:
        blobs, files = registry.embedded(conn, "photos"), registry.embedded(conn, "files")
        source = tables.find(conn, "photos")
        assert read_original(conn, source, blobs, None, (3,)) == scenes.saved(scenes.scene(3))
        with pytest.raises(NoPictureError, match="no folder"):
            read_original(conn, tables.find(conn, "files"), files, None, ("in/3.jpg",))
