"""The version of our tables: earlier ones are brought up to date, later ones are left alone."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datasette_revimg.errors import NewerVersionError, RevimgError
from datasette_revimg.store import connection, migrations, removal, tables, version, writing
from datasette_revimg.store.writing import Embedding, Failure
from kit.vector_tables import add, features, numbered, photos, photos_of, store
from kit.versions import NEWER, content, make_newer, without_version

WITHOUT_CHECKSUMS = Path(__file__).parents[1] / "whole" / "embedded_by_9a42e06.db"


@pytest.fixture(params=["codes without checksums", "codes with checksums"])
def older(request: pytest.FixtureRequest, tmp_path: Path, built: Path) -> Path:
    """Return a database of either layout that there was before there were versions."""
    if request.param == "codes without checksums":
        return Path(shutil.copy(WITHOUT_CHECKSUMS, tmp_path / "older.db"))
    return without_version(Path(shutil.copy(built, tmp_path / "older.db")))


def migrate(file: Path) -> None:
    with connection.opened(file) as conn:
        migrations.migrate(conn)


def version_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as conn:
        return version.stored(conn)


def kept(file: Path) -> dict[str, Any]:
    """Everything but the codes and their state, which can be made again."""
    with closing(sqlite3.connect(file)) as conn:
        names = [
            name for (name,) in conn.execute("select name from sqlite_master where type = 'table'")
        ]
        return {
            name: conn.execute(f"select * from [{name}]").fetchall()
            for name in names
            if not name.endswith(("_codes", "_basis", "_meta"))
        }


def test_there_is_a_step_to_every_version():
    assert len(migrations.STEPS) == version.CURRENT


def test_an_older_database_is_brought_up_to_date(older):
    assert version_of(older) == 0
    before = kept(older)
    migrate(older)
    assert version_of(older) == version.CURRENT
    assert kept(older) == before
    with closing(sqlite3.connect(older)) as conn:
        for table in ("basis", "codes"):
            columns = conn.execute(f"select name from pragma_table_info('_revimg_photos_{table}')")
            assert ("checksum",) in columns.fetchall()
        assert set(conn.execute("select version from _revimg_photos_basis")) == {(2,)}
        # A code without a checksum is none.
        lacking = "select count(*) from _revimg_photos_codes where checksum is null"
        assert conn.execute(lacking).fetchone() == (0,)
        (vectors,) = conn.execute("select count(*) from _revimg_photos").fetchone()
        (counted,) = conn.execute("select vectors from _revimg_photos_basis where number = 0")
        assert counted == (vectors,)


def test_codes_with_checksums_are_kept(built, tmp_path):
    today = Path(shutil.copy(built, tmp_path / "today.db"))
    before = content(today)
    migrate(without_version(today))
    assert sorted(content(today)) == sorted(before)


def test_a_database_that_is_up_to_date_is_not_written(older):
    migrate(older)
    before = older.read_bytes()
    migrate(older)
    assert older.read_bytes() == before


@pytest.mark.parametrize("damage", ["'text'", "null", "-7", "x'01'"])
def test_a_damaged_version_is_healed(older, damage):
    migrate(older)
    before = content(older)
    with closing(sqlite3.connect(older)) as conn, conn:
        conn.execute(f"update _revimg_meta set value = {damage}")
    assert version_of(older) < version.CURRENT
    migrate(older)
    assert content(older) == before


def test_a_database_without_our_tables_gets_none(tmp_path):
    with closing(photos(path=tmp_path / "plain.db")) as conn:
        migrations.migrate(conn)
        assert tables.find(conn, "photos").columns == ("colour", "picture", "id")
        assert conn.execute("select count(*) from sqlite_master").fetchone() == (1,)


def test_what_stops_a_step_takes_all_of_them_back(older, monkeypatch):
    before = content(older)

    def interrupted(conn: sqlite3.Connection) -> None:
        conn.execute("create table half (a)")
        conn.execute("delete from _revimg_tables")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, interrupted))
        with pytest.raises(KeyboardInterrupt):
            migrate(older)
    assert content(older) == before
    migrate(older)
    assert version_of(older) == version.CURRENT


# A step that ends the process when much of the transaction is in the file already.
KILLED = """
import os, pathlib, signal, sys
from datasette_revimg.store import connection, migrations

def killed(conn):
    conn.execute("pragma cache_size = 1")
    conn.execute("delete from _revimg_tables")
    conn.execute("update _revimg_photos set embedding = zeroblob(100000)")
    os.kill(os.getpid(), signal.SIGKILL)

migrations.STEPS = (*migrations.STEPS, killed)
with connection.opened(pathlib.Path(sys.argv[1])) as conn:
    migrations.migrate(conn)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_killed_in_the_midst(older, journal):
    with closing(sqlite3.connect(older)) as conn:
        conn.execute(f"pragma journal_mode = {journal}")
    before = content(older)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(older)], check=False)
    assert ended.returncode == -signal.SIGKILL
    # Where it has written: the file itself, unless that is what the log is for.
    written = older if journal == "delete" else older.with_name(older.name + "-wal")
    assert written.stat().st_size > 1_000_000
    assert content(older) == before
    migrate(older)
    assert version_of(older) == version.CURRENT


def test_a_newer_database_is_neither_read_nor_written(data):
    before = make_newer(data).read_bytes()
    sentence = rf"data\.db was embedded by a newer datasette-revimg .* {NEWER}.*install --upgrade"
    with pytest.raises(NewerVersionError, match=sentence), connection.opened(data) as conn:
        pytest.fail(f"{conn} was opened")
    # One that was opened before.
    with closing(connection.connect(data)) as conn:
        source = photos_of(conn)
        with pytest.raises(NewerVersionError, match="upgrade"):
            writing.write(conn, source, [], [Failure((1,), "reason")])
        assert not conn.in_transaction
    assert data.read_bytes() == before


def test_columns_that_are_not_ours_are_left_alone():
    conn = photos()
    add(conn, numbered(features(20)))
    source = photos_of(conn)
    ours = [
        name
        for (name,) in conn.execute("select name from sqlite_master where type = 'table'")
        if name.startswith("_revimg_")
    ]
    assert len(ours) >= 7
    for name in ours:
        conn.execute(f"alter table {name} add column later text default 'later'")
    vector = features(1, seed=5)[0]
    embedding = Embedding((21,), vector, b"hash", b"thumbnail", 4, 3)
    writing.write(conn, source, [embedding], [Failure((22,), "reason")])
    row = conn.execute("select embedding, later from _revimg_photos where id = 21").fetchone()
    assert row == (vector.tobytes(), "later")


def test_a_table_called_meta():
    """Its vectors would have the name of the table that has the version."""
    conn = sqlite3.connect(":memory:")
    conn.execute("create table meta (id integer primary key, picture blob)")
    conn.execute("create table photos (id integer primary key, picture blob)")
    with pytest.raises(RevimgError, match=r"'_revimg_meta' is taken: rename the table"):
        store(conn, "meta", numbered(features(3)))
    # Before there were versions it could be embedded.
    store(conn, "photos", numbered(features(3)))
    conn.execute("drop table _revimg_meta")
    conn.execute("create table _revimg_meta (id integer primary key, embedding blob, hash blob)")
    conn.execute("update _revimg_tables set table_name = 'meta'")
    conn.commit()
    assert version.stored(conn) == 0
    with pytest.raises(RevimgError, match=r"forget.*embed a copy"):
        migrations.migrate(conn)
    removal.forget(conn, "meta")
    store(conn, "photos", numbered(features(3)))
    migrations.migrate(conn)
    assert version.stored(conn) == version.CURRENT
