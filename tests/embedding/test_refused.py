"""What ``datasette revimg embed`` refuses, in one sentence each."""

import os
import sqlite3

import pytest

from datasette_revimg.store import connection
from kit.command import error_of, run, vectors
from kit.pictures import mosaic


def test_bad_input(tmp_path, database):
    nothing = tmp_path / "none.db"
    assert "no such database file" in error_of("embed", nothing, "photos")
    assert "no such file or folder" in error_of("embed", nothing, "photos", tmp_path / "gone")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no pictures in" in error_of("embed", nothing, "photos", empty)
    assert not nothing.exists()
    text = tmp_path / "text.db"
    text.write_text("This is not a database, it only pretends to be one. " * 30)
    assert "is not a SQLite database" in error_of("embed", text, "photos")
    assert "no table 'cats' in the database; it has photos" in error_of("embed", database, "cats")
    with sqlite3.connect(database) as conn:
        conn.execute("create view v as select * from photos")
        conn.execute("create table words (id integer primary key, word text)")
        conn.execute("insert into words values (1, 'hello')")
    assert "is a view" in error_of("embed", database, "v")
    assert "no column of 'words' holds pictures" in error_of("embed", database, "words")
    assert "no column 'picture'; it has id" in error_of(
        "embed", database, "photos", "--column", "picture"
    )
    assert "there is no model 'vgg99'" in error_of("embed", database, "photos", "--model", "vgg99")
    file = tmp_path / "a.png"
    file.write_bytes(mosaic(1))
    assert "primary key id, and files need a table whose key is path" in error_of(
        "embed", database, "photos", file
    )
    run("embed", database, "photos")
    assert "contains what was computed" in error_of("embed", database, "_revimg_photos")


def test_locked_database(database, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(database)
    other.execute("begin exclusive")
    assert "is locked by another program" in error_of("embed", database, "photos")
    other.rollback()
    assert "3 embedded" in run("embed", database, "photos").stdout


def test_read_only_database(database):
    database.chmod(0o444)
    database.parent.chmod(0o555)
    try:
        if os.access(database, os.W_OK):
            pytest.skip("this user may write anything")
        assert "is read-only" in error_of("embed", database, "photos")
    finally:
        database.parent.chmod(0o755)


def test_sqlite_errors_become_sentences(tmp_path):
    """What the command says when SQLite says it, also where the test can't make it happen."""
    for code, words in [
        (sqlite3.SQLITE_READONLY, "read-only"),
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_CANTOPEN, "can't be opened"),
    ]:
        error = sqlite3.OperationalError("as SQLite says it")
        error.sqlite_errorcode = code
        assert words in str(connection.translated(error, tmp_path / "x.db"))


def test_another_model_is_refused(database, monkeypatch):
    run("embed", database, "photos")
    before = vectors(database)
    with sqlite3.connect(database) as conn:
        conn.execute("update _revimg_tables set weights_sha256 = 'abcdef0123456789'")
    error = error_of("embed", database, "photos")
    assert "abcdef012345" in error
    assert "--replace" in error
    assert vectors(database).keys() == before.keys()
    assert "3 embedded" in run("embed", database, "photos", "--replace").stdout


def test_another_column_is_refused(database):
    run("embed", database, "photos")
    with sqlite3.connect(database) as conn:
        conn.execute("alter table photos add column other blob")
        conn.execute("update photos set other = image")
    assert "from its column 'image'" in error_of("embed", database, "photos", "--column", "other")


def test_names_that_would_collide(database):
    run("embed", database, "photos")
    with sqlite3.connect(database) as conn:
        for table in ("tables", "failures", "photos_thumbnails"):
            conn.execute(f"create table {table} as select * from photos")
        conn.execute("create table t (embedding text primary key, image blob)")
        conn.execute("insert into t values ('a', ?)", [mosaic(1)])
    for table in ("tables", "failures", "photos_thumbnails"):
        assert "is taken" in error_of("embed", database, table)
    assert "key column named 'embedding'" in error_of("embed", database, "t")
    assert len(vectors(database)) == 3
