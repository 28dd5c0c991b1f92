"""Damage in our own tables: it costs one row at most, and the next run of ``embed`` heals it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.overview.sample import sample_rows
from datasette_revimg.store import reading, thumbnails, upkeep
from kit.command import error_of, run, summary
from kit.pictures import mosaic, photos_database
from kit.vector_tables import add, features, full_sort, numbered, photos, photos_of, top

NOT_A_NUMBER = np.array([np.nan], "<f4").tobytes()

DAMAGE = {
    "four bytes short": "substr(embedding, 1, length(embedding) - 4)",
    "three bytes short": "substr(embedding, 1, length(embedding) - 3)",
    "half": "substr(embedding, 1, length(embedding) / 2)",
    "empty": "x''",
    "text": "'text'",
    "text of the right length": "hex(substr(embedding, 1, length(embedding) / 2))",
    "a number": "7",
    "not a number": f"cast(x'{NOT_A_NUMBER.hex()}' || substr(embedding, 5) as blob)",
}


def change(conn: sqlite3.Connection, statement: str) -> None:
    with conn:
        conn.execute(statement)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("coded", [False, True])
def test_a_damaged_vector_costs_only_its_own_row(damage, coded):
    conn = photos()
    rows = numbered(features(600))
    add(conn, rows)
    source = photos_of(conn)
    if coded:
        assert upkeep.rebuild(conn, source)
    change(conn, f"update _revimg_photos set embedding = {DAMAGE[damage]} where id = 6")
    others = {key: vector for key, vector in rows.items() if key != (6,)}
    assert top(conn, rows[6,], 30) == full_sort(others, rows[6,], 30)
    assert top(conn, rows[6,], 3, where="id < 9") == full_sort(
        {key: vector for key, vector in others.items() if key < (9,)}, rows[6,], 3
    )
    assert np.array_equal(reading.vector(conn, "photos", [7]), rows[7,])
    with pytest.raises(RevimgError, match=r"row 6 of 'photos' is damaged: run .*embed"):
        reading.vector(conn, "photos", [6])
    with pytest.raises(RevimgError, match=r"row 6 of 'photos' is damaged: run .*embed"):
        reading.vectors_in_order(conn, source, [(5,), (6,)])
    sample = sample_rows(conn, source, 1000)
    assert reading.damaged_keys(conn, source, sample.keys) == [(6,)]
    sound = sample.without([(6,)])
    assert sorted([*sound.keys, (6,)]) == sorted(sample.keys)
    assert sound.version != sample.version
    assert str(sound) == "600 rows"
    assert "row 6 is left out, because its stored vector is damaged: run" in sound.left_out


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of three embedded pictures."""
    path = photos_database(
        tmp_path_factory.mktemp("embedded") / "photos.db", {n: mosaic(n) for n in (1, 2, 3)}
    )
    run("embed", path, "photos")
    return path


def stored(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(
            "select * from _revimg_photos natural join _revimg_photos_thumbnails order by 1"
        ).fetchall()


HEALED: dict[str, tuple[str, int]] = {
    **{
        name: (f"update _revimg_photos set embedding = {damage} where id = 2", 1)
        for name, damage in DAMAGE.items()
    },
    "a thumbnail is lost": ("delete from _revimg_photos_thumbnails where id = 2", 1),
    "a thumbnail is text": (
        "update _revimg_photos_thumbnails set thumbnail = 'text' where id = 2",
        1,
    ),
    "width 0": ("update _revimg_photos_thumbnails set width = 0 where id = 2", 1),
    "width of text": ("update _revimg_photos_thumbnails set width = 'wide' where id = 2", 1),
    "no height": ("update _revimg_photos_thumbnails set height = null where id = 2", 1),
    "no thumbnails": ("drop table _revimg_photos_thumbnails", 3),
    "no vectors": ("drop table _revimg_photos", 3),
    "no codes": ("drop table _revimg_photos_codes", 0),
    "no state": ("delete from _revimg_photos_basis", 0),
    "state of text": ("update _revimg_photos_basis set vectors = 'x', residual = 'x'", 0),
    "no pairs": ("update _revimg_photos_basis set pairs = null", 0),
}


@pytest.mark.parametrize("damage", HEALED)
def test_embed_heals(embedded, tmp_path, damage):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    statement, again = HEALED[damage]
    with closing(sqlite3.connect(path)) as conn:
        change(conn, statement)
    expected = f"photos: {again} embedded, {3 - again} unchanged, 0 failed, 0 removed"
    assert summary(run("embed", path, "photos").stdout) == expected
    assert stored(path) == stored(embedded)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("select vectors from _revimg_photos_basis").fetchone() == (3,)


def test_a_damaged_vector_is_named_by_the_command(embedded, tmp_path):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn:
        change(conn, "update _revimg_photos set embedding = x'00' where id = 2")
    assert "row 2 of 'photos' is damaged: run" in error_of("similar", path, "photos", "2")
    run("similar", path, "photos", "1")
    result = run("matrix", path, "photos", "--order", "key")
    assert result.stdout.splitlines()[0] == ",1,3"
    assert "row 2 is left out, because its stored vector is damaged" in result.stderr


def test_sizes_that_cant_be_are_no_sizes(embedded, tmp_path):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn:
        source = photos_of(conn)
        keys = [(1,), (2,), (3,)]
        change(conn, "update _revimg_photos_thumbnails set width = 0 where id = 1")
        change(conn, "update _revimg_photos_thumbnails set height = 'x' where id = 2")
        assert list(thumbnails.read_sizes(conn, source, keys)) == [(3,)]
        change(conn, "update _revimg_photos_thumbnails set thumbnail = 'text' where id = 1")
        first, second, _ = thumbnails.read_many(conn, source, keys)
        assert first is None
        assert second
        change(conn, "drop table _revimg_photos_thumbnails")
        assert thumbnails.read(conn, "photos", [1]) is None
        assert thumbnails.read_many(conn, source, keys) == [None] * 3
        assert thumbnails.read_sizes(conn, source, keys) == {}


RECORDS = {
    "a model that is null": "update _revimg_tables set model = null",
    "a dimension of text": "update _revimg_tables set dimension = 'many'",
    "no record": "delete from _revimg_tables",
    "a column that is gone": "alter table _revimg_tables drop column preprocessing",
    "no records at all": "drop table _revimg_tables",
}


@pytest.mark.parametrize("damage", RECORDS)
def test_vectors_of_an_unknown_model_are_replaced(embedded, tmp_path, damage):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn:
        # Those of another model would be sound too, and of the same pictures.
        change(
            conn,
            "update _revimg_photos set embedding = "
            "(select embedding from _revimg_photos where id = 3)",
        )
        change(conn, RECORDS[damage])
    before = stored(path)
    for command in (("embed", path, "photos"), ("similar", path, "photos", "1")):
        assert re.search(
            "record of 'photos' in _revimg_tables is damaged.*embed --replace`",
            (error_of(*command)),
        )
    assert stored(path) == before
    if "record" not in damage:
        assert "photos: its record in _revimg_tables is damaged" in run("status", path).stdout
    result = run("embed", path, "photos", "--replace")
    assert summary(result.stdout) == "photos: 3 embedded, 0 unchanged, 0 failed, 0 removed"
    assert stored(path) == stored(embedded)


@pytest.mark.parametrize("damage", RECORDS)
def test_a_table_whose_record_is_damaged_can_be_forgotten(embedded, tmp_path, damage):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn:
        change(conn, RECORDS[damage])
    run("forget", path, "Photos")
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("select name from sqlite_master").fetchall() == [("photos",)]


GONE: dict[str, Callable[[sqlite3.Connection], None]] = {
    "the table": lambda conn: change(conn, "drop table photos"),
    "its vectors": lambda conn: change(conn, "drop table _revimg_photos"),
    "its thumbnails": lambda conn: change(conn, "drop table _revimg_photos_thumbnails"),
    "the failures": lambda conn: change(conn, "drop table _revimg_failures"),
}


@pytest.mark.parametrize("gone", GONE)
def test_status_of_a_table_of_which_something_is_gone(embedded, tmp_path, gone):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn:
        GONE[gone](conn)
    rows = 0 if gone == "the table" else 3
    vectors = 0 if gone == "its vectors" else 3
    assert f"photos: {vectors} of {rows} rows embedded" in run("status", path).stdout


def test_vectors_that_are_gone_are_missed_in_one_sentence(embedded, tmp_path):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn:
        GONE["its vectors"](conn)
    assert "the vectors of 'photos' are gone: run" in error_of("similar", path, "photos", "1")
