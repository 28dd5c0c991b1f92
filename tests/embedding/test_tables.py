"""``datasette revimg embed``: pictures in a table, with the bundled network."""

import sqlite3

import numpy as np
import pytest

from datasette_revimg.embedding import columns
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.store import connection, failed_rows, registry
from kit.command import run, summary, vectors
from kit.pictures import mosaic, photos_database


def test_blobs(database):
    result = run("embed", database, "photos")
    assert summary(result.stdout) == "photos: 3 embedded, 0 unchanged, 0 failed, 0 removed"
    assert "(vgg16-rmac, 1024 floats, " in result.stdout
    stored = vectors(database)
    assert sorted(stored) == [(1,), (2,), (3,)]
    for vector in stored.values():
        assert vector.shape == (1024,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    conn = connection.connect(database)
    embedded = registry.embedded(conn, "photos")
    assert (embedded.column_name, embedded.kind, embedded.model) == ("image", "blob", "vgg16-rmac")
    assert embedded.weights_sha256 == VGG16_RMAC.sha256
    assert conn.execute("select * from photos where id = 1").fetchone() == (
        1,
        "photo 1",
        mosaic(1),
    )
    assert conn.execute(
        "select id, width, height from _revimg_photos_thumbnails order by id"
    ).fetchall() == [(1, 40, 30), (2, 40, 30), (3, 40, 30)]


def test_only_what_changed_is_computed(database):
    run("embed", database, "photos")
    before = vectors(database)
    with sqlite3.connect(database) as conn:
        conn.execute("update photos set image = ? where id = 1", [mosaic(11)])
        conn.execute("delete from photos where id = 2")
        conn.execute("insert into photos values (4, 'new', ?)", [mosaic(4)])
        conn.execute("insert into photos values (5, 'none', null)")
    result = run("embed", database, "photos")
    assert summary(result.stdout) == "photos: 2 embedded, 1 unchanged, 0 failed, 1 removed"
    after = vectors(database)
    assert sorted(after) == [(1,), (3,), (4,)]
    assert np.array_equal(after[(3,)], before[(3,)])
    assert np.dot(after[(1,)], before[(1,)]) < 0.99


def test_a_picture_set_to_null_loses_its_vector(database):
    run("embed", database, "photos")
    with sqlite3.connect(database) as conn:
        conn.execute("update photos set image = null where id = 1")
    result = run("embed", database, "photos")
    assert summary(result.stdout) == "photos: 0 embedded, 2 unchanged, 0 failed, 1 removed"


@pytest.mark.parametrize(
    ("columns", "key", "keys"),
    [
        ("id integer primary key", "id", [(1,), (-5,), (2**60,)]),
        ("id text primary key", "id", [("a/b,c",), ("~%20 é",), ("",)]),
        ("id varchar(9) primary key", "id", [("x",), ("y",), ("10",)]),
        ("a text, b integer, primary key (b, a)", "b, a", [(2, "x"), (1, "x"), (1, "y")]),
        ("id blob primary key", "id", [(b"\x00\xff",), (b"",), (b"a",)]),
        ("id primary key", "id", [(1,), ("1",), (1.5,)]),
        ('"odd "" name" text primary key', '"odd "" name"', [("p",), ("q",), ("r",)]),
    ],
)
@pytest.mark.parametrize("without_rowid", ["", " without rowid"])
def test_any_primary_key(tmp_path, columns, key, keys, without_rowid):
    path = tmp_path / "keys.db"
    names, _, constraint = columns.partition(", primary key")
    with sqlite3.connect(path) as conn:
        primary = f", primary key{constraint}" if constraint else ""
        conn.execute(f'create table "my photos" ({names}, image blob{primary}){without_rowid}')
        marks = ", ".join("?" * len(keys[0]))
        for n, values in enumerate(keys):
            conn.execute(
                f'insert into "my photos" ({key}, image) values ({marks}, ?)', [*values, mosaic(n)]
            )
    result = run("embed", path, "my photos")
    assert summary(result.stdout).startswith("my photos: 3 embedded")
    assert set(vectors(path, "my photos")) == set(keys)
    again = run("embed", path, "my photos")
    assert summary(again.stdout).startswith("my photos: 0 embedded, 3 unchanged")


def test_no_primary_key(tmp_path):
    path = tmp_path / "rowid.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (title text, image blob)")
        conn.executemany("insert into photos values (?, ?)", [("x", mosaic(n)) for n in range(3)])
        conn.execute("delete from photos where rowid = 2")
    run("embed", path, "photos")
    assert sorted(vectors(path)) == [(1,), (3,)]
    conn = connection.connect(path)
    names = [row[1] for row in conn.execute("pragma table_info(_revimg_photos)")]
    assert names == ["rowid_", "embedding", "content_hash"]


def test_more_rows_than_a_page(tmp_path, monkeypatch):
    """Pages of keys, in a compound key with an order of its own."""
    monkeypatch.setattr(columns, "PAGE", 5)
    path = tmp_path / "many.db"
    small = [mosaic(n, size=(4, 3)) for n in range(5)]
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (a text, b integer, image blob, primary key (a, b))")
        conn.executemany(
            "insert into photos values (?, ?, ?)",
            [(f"{n % 3}", n, small[n % 5]) for n in range(13)],
        )
    result = run("embed", path, "photos", "--batch-size", 4)
    assert summary(result.stdout) == (
        "photos: 13 embedded, 0 unchanged, 0 failed, 0 removed, 8 of the embedded equal to others"
    )
    assert len(vectors(path)) == 13


def test_null_keys_are_named_and_dont_block_removal(tmp_path):
    path = tmp_path / "null.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (id text primary key, image blob)")
        conn.execute("insert into photos values (null, ?)", [mosaic(1)])
        conn.execute("insert into photos values ('a', ?)", [mosaic(2)])
    result = run("embed", path, "photos")
    assert summary(result.stdout) == "photos: 1 embedded, 0 unchanged, 1 failed, 0 removed"
    assert "primary key is NULL" in result.stderr
    with sqlite3.connect(path) as conn:
        conn.execute("delete from photos where id = 'a'")
    assert "1 removed" in run("embed", path, "photos", status=1).stdout


def test_bad_pictures_never_stop_a_run(database):
    with sqlite3.connect(database) as conn:
        conn.executemany(
            "insert into photos values (?, '', ?)",
            [(10, b""), (11, mosaic(1)[:50]), (12, b"%PDF-1.4"), (13, "text"), (14, 7)],
        )
    result = run("embed", database, "photos", "--silent")
    assert summary(result.stdout) == "photos: 3 embedded, 0 unchanged, 5 failed, 0 removed"
    lines = result.stderr.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == [f"photos {n}" for n in (10, 11, 12, 13, 14)]
    assert "0 bytes" in lines[0]
    assert "damaged" in lines[1]
    assert "not a picture" in lines[2]
    conn = connection.connect(database)
    assert [pk for pk, _ in failed_rows.read(conn, "photos")] == [
        "[10]",
        "[11]",
        "[12]",
        "[13]",
        "[14]",
    ]
    run("embed", database, "photos", "--strict", status=1)
    with sqlite3.connect(database) as conn:
        conn.execute("delete from photos where id > 10")
        conn.execute("update photos set image = ? where id = 10", [mosaic(10)])
    run("embed", database, "photos", "--strict")
    assert failed_rows.read(connection.connect(database), "photos") == []


def test_a_picture_that_became_bad_loses_its_vector(database):
    run("embed", database, "photos")
    with sqlite3.connect(database) as conn:
        conn.execute("update photos set image = ? where id = 1", [b"nonsense"])
    run("embed", database, "photos")
    assert sorted(vectors(database)) == [(2,), (3,)]


def test_nothing_could_be_embedded(tmp_path):
    path = photos_database(tmp_path / "bad.db", {1: b"nonsense"})
    run("embed", path, "photos", "--column", "image", status=1)


def test_same_vector_whatever_the_batch(database, tmp_path):
    run("embed", database, "photos", "--batch-size", 1)
    one_by_one = vectors(database)
    run("embed", database, "photos", "--replace", "--batch-size", 3, "--threads", 1)
    for key, vector in vectors(database).items():
        assert vector == pytest.approx(one_by_one[key], abs=1e-6)
