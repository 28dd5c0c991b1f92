"""Equal pictures are decoded once, and seen by the network once; each row has what is its own."""

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg.embedding.equal import EqualPictures
from datasette_revimg.models.network import Network
from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.opening import ImageError
from datasette_revimg.store import connection, failed_rows, tables
from datasette_revimg.store.equal_pictures import open_finder
from kit.command import run, summary, vectors
from kit.pictures import mosaic, photos_database


@pytest.fixture
def decoded(monkeypatch) -> Counter:
    """Count how often each picture is decoded, by its bytes."""
    calls: Counter = Counter()
    decode = decoding.decode

    def counted(data, *arguments, **options):
        calls[data] += 1
        return decode(data, *arguments, **options)

    monkeypatch.setattr(decoding, "decode", counted)
    return calls


@pytest.fixture
def seen(monkeypatch) -> list[int]:
    """Note how many pictures each run of the network gets."""
    sizes: list[int] = []
    encode = Network.encode

    def noted(self, pictures, **options):
        sizes.append(len(pictures))
        return encode(self, pictures, **options)

    monkeypatch.setattr(Network, "encode", noted)
    return sizes


def rows_of(file: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(file)) as conn:
        return conn.execute(query).fetchall()


def test_equal_rows_of_one_run(tmp_path, decoded, seen):
    database = photos_database(
        tmp_path / "photos.db", {n: mosaic(1 if n in (1, 3, 4) else 2) for n in range(1, 6)}
    )
    result = run("embed", database, "photos")
    assert summary(result.stdout) == (
        "photos: 5 embedded, 0 unchanged, 0 failed, 0 removed, 3 of the embedded equal to others"
    )
    assert decoded == {mosaic(1): 1, mosaic(2): 1}
    assert sum(seen) == 2
    stored = vectors(database)
    assert sorted(stored) == [(n,) for n in range(1, 6)]
    assert np.array_equal(stored[(1,)], stored[(3,)])
    assert np.array_equal(stored[(1,)], stored[(4,)])
    assert np.array_equal(stored[(2,)], stored[(5,)])
    assert not np.allclose(stored[(1,)], stored[(2,)])
    thumbnails = dict(rows_of(database, "select id, thumbnail from _revimg_photos_thumbnails"))
    assert thumbnails[1] == thumbnails[3] == thumbnails[4] != thumbnails[2]
    assert "0 embedded, 5 unchanged" in run("embed", database, "photos").stdout


@pytest.mark.parametrize(("threads", "batch"), [(1, 1), (4, 1), (4, 3), (3, 64)])
def test_threads_and_batches(tmp_path, decoded, seen, threads, batch):
    """Whichever thread is first, and wherever a batch ends: each picture once, each row its own."""
    which = np.random.default_rng(threads * batch).integers(0, 7, 60)
    database = photos_database(
        tmp_path / "photos.db", {n: mosaic(int(seed)) for n, seed in enumerate(which)}
    )
    run("embed", database, "photos", "--threads", threads, "--batch-size", batch)
    assert set(decoded.values()) == {1}
    assert sum(seen) == len(decoded) == len(set(which))
    apart = photos_database(tmp_path / "apart.db", {int(n): mosaic(int(n)) for n in set(which)})
    run("embed", apart, "photos", "--batch-size", 1)
    alone, stored = vectors(apart), vectors(database)
    assert len(stored) == 60
    for row, seed in enumerate(which):
        # The sums of floats differ with the size of the batch, in the last bits.
        assert stored[(row,)] @ alone[(int(seed),)] > 0.9999


def test_a_new_row_takes_what_is_stored(database, decoded, seen):
    run("embed", database, "photos")
    decoded.clear()
    seen.clear()
    with sqlite3.connect(database) as conn:
        conn.execute("insert into photos values (7, 'copy', ?)", [mosaic(2)])
        conn.execute("update photos set image = ? where id = 1", [mosaic(3)])
    result = run("embed", database, "photos")
    assert summary(result.stdout) == (
        "photos: 2 embedded, 2 unchanged, 0 failed, 0 removed, 2 of the embedded equal to others"
    )
    assert "images/s" not in result.stdout
    assert not decoded
    assert not seen
    stored = vectors(database)
    assert np.array_equal(stored[(7,)], stored[(2,)])
    assert np.array_equal(stored[(1,)], stored[(3,)])
    sizes = rows_of(database, "select width, height, thumbnail from _revimg_photos_thumbnails")
    assert len(sizes) == 4
    assert {size[:2] for size in sizes} == {(40, 30)}


def test_replace_computes_anew(database, decoded, seen):
    run("embed", database, "photos")
    decoded.clear()
    seen.clear()
    assert "3 embedded, 0 unchanged" in run("embed", database, "photos", "--replace").stdout
    assert sum(seen) == len(decoded) == 3


def test_copies_of_files_have_their_facts(tmp_path, decoded):
    folder = tmp_path / "pictures"
    (folder / "b").mkdir(parents=True)
    (folder / "one.jpg").write_bytes(mosaic(1, "JPEG"))
    (folder / "b" / "two.jpg").write_bytes(mosaic(1, "JPEG"))
    database = tmp_path / "photos.db"
    result = run("embed", database, "photos", folder)
    assert "2 embedded, 0 unchanged, 0 failed, 0 removed, 1 of the embedded equal" in result.stdout
    (folder / "three.jpg").write_bytes(mosaic(1, "JPEG"))
    decoded.clear()
    result = run("embed", database, "photos", folder)
    assert "1 embedded, 2 unchanged, 0 failed, 0 removed, 1 of the embedded equal" in result.stdout
    assert not decoded
    assert rows_of(database, "select path, name, width, height, format from photos order by 1") == [
        ("b/two.jpg", "two.jpg", 40, 30, "JPEG"),
        ("one.jpg", "one.jpg", 40, 30, "JPEG"),
        ("three.jpg", "three.jpg", 40, 30, "JPEG"),
    ]


def test_a_bad_picture_is_named_for_each_row(tmp_path):
    bad = mosaic(1)[:-30]
    database = photos_database(
        tmp_path / "photos.db", {1: bad, 2: mosaic(2), 3: bad, 4: b"no picture", 5: bad}
    )
    result = run("embed", database, "photos", "--threads", 3)
    assert "1 embedded, 0 unchanged, 4 failed" in result.stdout
    lines = [line for line in result.stderr.splitlines() if "damaged picture" in line]
    assert [line.split(":")[0] for line in lines] == ["photos 1", "photos 3", "photos 5"]
    with closing(connection.connect(database)) as conn:
        assert [key for key, _ in failed_rows.read(conn, "photos")] == ["[1]", "[3]", "[4]", "[5]"]


@pytest.mark.parametrize(
    "damage",
    [
        "update _revimg_photos_thumbnails set thumbnail = null where id = 1",
        "update _revimg_photos_thumbnails set width = -1 where id = 1",
        "update _revimg_photos set embedding = x'00' where id = 1",
        "delete from _revimg_photos_thumbnails where id = 1",
    ],
)
def test_nothing_incomplete_is_taken(database, damage):
    run("embed", database, "photos")
    with closing(connection.connect(database)) as conn:
        source = tables.find(conn, "photos")
    with open_finder(database, source, labels=False, files=False) as find:
        found = find(sha256(mosaic(1)).digest())
        assert found is not None
        assert (found.width, found.height) == (40, 30)
        assert np.array_equal(found.vector, vectors(database)[(1,)])
        with closing(sqlite3.connect(database)) as conn, conn:
            conn.execute(damage)
        assert find(sha256(mosaic(1)).digest()) is None
        assert find(sha256(mosaic(2)).digest()) is not None
        assert find(bytes(32)) is None


def test_a_table_embedded_by_an_earlier_version_gets_the_index(database):
    run("embed", database, "photos")
    index = "select count(*) from sqlite_master where type = 'index' and sql like '%content_hash)%'"
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("drop index _revimg_photos_content_hashes")
        assert conn.execute(index).fetchone() == (0,)
    run("embed", database, "photos")
    assert rows_of(database, index) == [(1,)]
    run("forget", database, "photos")
    assert rows_of(database, index) == [(0,)]


def test_the_second_thread_waits_for_the_first():
    """Both get the picture, or both get the reason why there is none."""
    begun, may_end, calls = threading.Event(), threading.Event(), []

    def decode():
        calls.append("decoded")
        begun.set()
        assert may_end.wait(30)
        raise ImageError("cut off")

    equal, errors = EqualPictures(), []

    def obtain():
        try:
            equal.obtain(b"hash", decode)
        except ImageError as error:
            errors.append(str(error))

    first = threading.Thread(target=obtain)
    first.start()
    assert begun.wait(30)
    second = threading.Thread(target=obtain)
    second.start()
    may_end.set()
    first.join(30)
    second.join(30)
    assert errors == ["cut off", "cut off"]
    assert calls == ["decoded"]
    # Pictures that nobody needs any more are not held.
    equal.forget([b"hash"])
    obtain()
    assert calls == ["decoded", "decoded"]
