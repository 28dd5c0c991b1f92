import gc
import json
import math
import os
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest
import sqlite_utils

from datasette_revimg.search import functions
from kit.vector_tables import store


def blob(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


@pytest.fixture
def conn():
    conn = sqlite3.connect(":memory:")
    functions.register(conn)
    return conn


def cosine(conn, a, b):
    return conn.execute("select cosine_similarity(?, ?)", [a, b]).fetchone()[0]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 0), (1, 0), 1.0),
        ((1, 0), (0, 1), 0.0),
        ((1, 0), (-1, 0), -1.0),
        ((3, 0), (5, 5), math.sqrt(0.5)),
        ((1, 2, 3), (4, 5, 6), 32 / math.sqrt(14 * 77)),
        # Their squares are no float32.
        ((1e-30, 0), (1e-30, 1e-30), math.sqrt(0.5)),
        ((3e38, 0), (3e38, 3e38), math.sqrt(0.5)),
        ((1e-45, 0), (3e38, 3e38), math.sqrt(0.5)),
    ],
)
def test_cosine_of_vectors_of_any_length(conn, a, b, expected):
    assert cosine(conn, blob(*a), blob(*b)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, blob(1)),
        (blob(1), None),
        (None, None),
        (blob(1, 2), blob(1)),
        (b"", b""),
        (b"abc", b"abc"),
        ("text", "text"),
        (1, 2.0),
        (blob(0, 0), blob(1, 0)),
        (blob(math.nan, 0), blob(1, 0)),
        (blob(math.inf, 0), blob(1, 0)),
    ],
)
def test_null_where_there_is_no_cosine(conn, a, b):
    assert cosine(conn, a, b) is None


def test_ranks_rows_of_a_query(conn):
    conn.execute("create table v (id integer primary key, embedding blob)")
    angles = {1: 0.0, 2: 0.4, 3: 0.1, 4: 3.0, 5: 0.2}
    conn.executemany(
        "insert into v values (?, ?)",
        [(key, blob(math.cos(angle), math.sin(angle))) for key, angle in angles.items()],
    )
    rows = conn.execute(
        "select b.id, cosine_similarity(a.embedding, b.embedding) as score "
        "from v a, v b where a.id = 1 and b.id != 1 order by score desc"
    ).fetchall()
    assert [key for key, _ in rows] == [3, 5, 2, 4]
    for key, score in rows:
        assert score == pytest.approx(math.cos(angles[key]), abs=1e-6)


def test_every_pair_of_a_table(conn):
    """Both sides change from row to row here, which the decoded-once shortcut must survive."""
    conn.execute("create table v (id integer, embedding blob)")
    conn.executemany(
        "insert into v values (?, ?)", [(n, blob(math.cos(n), math.sin(n))) for n in range(8)]
    )
    for a, b, score in conn.execute(
        "select a.id, b.id, cosine_similarity(a.embedding, b.embedding) from v a, v b"
    ):
        assert score == pytest.approx(math.cos(a - b), abs=1e-6)


def test_sqlite_utils_has_it():
    database = sqlite_utils.Database(memory=True)
    rows = list(database.query("select cosine_similarity(?, ?) as c", [blob(1, 1), blob(1, 0)]))
    assert rows[0]["c"] == pytest.approx(math.sqrt(0.5), abs=1e-6)


ANGLES = {1: 0.0, 2: 0.45, 3: 0.1, 4: 1.3, 5: 0.25}


@pytest.fixture
def photos(conn):
    """Five embedded rows in a plane."""
    conn.execute("create table photos (id integer primary key, title text, picture blob)")
    conn.executemany("insert into photos values (?, ?, x'00')", [(n, f"no. {n}") for n in ANGLES])
    vectors = {(n,): np.array([math.cos(a), math.sin(a)], np.float32) for n, a in ANGLES.items()}
    store(conn, "photos", vectors)
    conn.commit()
    return conn


def top(conn, table, vector, k):
    found = conn.execute("select revimg_top(?, ?, ?)", [table, vector, k]).fetchone()[0]
    return None if found is None else json.loads(found)


def test_revimg_top(photos):
    rows = top(photos, "photos", blob(1, 0), 3)
    assert [row["id"] for row in rows] == [1, 3, 5]
    assert [row["score"] for row in rows] == pytest.approx(
        [math.cos(ANGLES[n]) for n in (1, 3, 5)], abs=1e-6
    )
    # Of any length, like cosine_similarity's; and the table in any letters, like SQL's.
    assert top(photos, "PHOTOS", blob(5, 0), 3) == rows
    # Whose squares are no float32.
    assert top(photos, "photos", blob(3e38, 0), 3) == rows
    assert top(photos, "photos", blob(1e-30, 0), 3) == rows


def test_revimg_top_joined(photos):
    rows = photos.execute(
        "select title, value ->> 'score' from json_each(revimg_top('photos', "
        "(select embedding from _revimg_photos where id = 2), 2)) "
        "join photos on photos.id = value ->> 'id'"
    ).fetchall()
    assert rows == [
        ("no. 2", pytest.approx(1, abs=1e-6)),
        ("no. 5", pytest.approx(math.cos(0.2), abs=1e-6)),
    ]


@pytest.mark.parametrize("kept", [True, False])
def test_revimg_top_within_a_query_that_goes_on(photos, kept):
    """It reads its own connection while a statement of it is running, in and out of a
    transaction."""
    if kept:
        photos.execute("begin")
    rows = photos.execute(
        "select id, revimg_top('photos', embedding, 2) from _revimg_photos order by id"
    ).fetchall()
    assert [number for number, _ in rows] == list(ANGLES)
    for number, found in rows:
        nearest = sorted(ANGLES, key=lambda other: abs(ANGLES[other] - ANGLES[number]))
        assert [row["id"] for row in json.loads(found)] == nearest[:2]
    assert photos.in_transaction is kept


@pytest.mark.parametrize(
    "vector",
    [None, "text", 5, b"", b"abc", blob(1), blob(1, 0, 0), blob(math.nan, 0), blob(0, 0)],
)
def test_revimg_top_is_null_without_a_vector_that_fits(photos, vector):
    assert top(photos, "photos", vector, 3) is None


@pytest.mark.parametrize(
    ("table", "k", "words"),
    [
        ("photo", 3, ["'photo'", "not an embedded table", "revimg status"]),
        ("sqlite_master", 3, ["not an embedded table"]),
        (None, 3, ["not an embedded table"]),
        ("photos", 0, ["from 1 to 1000", "0"]),
        ("photos", 1001, ["1001"]),
        ("photos", "many", ["'many'"]),
        ("photos", None, ["None"]),
        ("photos", 2.5, ["2.5"]),
    ],
)
def test_revimg_top_says_what_is_wrong(photos, table, k, words):
    (only,) = top(photos, table, blob(1, 0), k)
    assert set(only) == {"error"}
    for word in words:
        assert word in only["error"]
    # A stored query shows this to people who may not know the names of other tables.
    assert table == "photos" or "'photos'" not in only["error"]


def test_revimg_top_where_nothing_is_embedded(conn):
    (only,) = top(conn, "photos", blob(1, 0), 3)
    assert "not an embedded table" in only["error"]


def test_revimg_top_reads_its_own_database_only(photos, tmp_path):
    other = sqlite3.connect(tmp_path / "other.db")
    functions.register(other)
    photos.execute("attach ? as other", [str(tmp_path / "other.db")])
    assert "error" in top(other, "photos", blob(1, 0), 3)[0]
    assert "error" not in top(photos, "photos", blob(1, 0), 3)[0]


def test_connections_are_not_kept_alive(tmp_path):
    """A function that held its connection would hold its file open for ever."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")

    path = (tmp_path / "photos.db").resolve()

    def open_files() -> int:
        return sum(
            1
            for descriptor in Path("/proc/self/fd").iterdir()
            if os.path.realpath(descriptor) == str(path)
        )

    for _ in range(5):
        conn = sqlite3.connect(path)
        functions.register(conn)
        conn.execute("create table if not exists t (a)")
        assert open_files() == 1
        del conn
        gc.collect()
    assert open_files() == 0


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("_revimg_photos", "revimg_top: the vectors of 'photos' are gone: run `datasette revimg"),
        ("photos", "revimg_top: 'photos' is not an embedded table of this database"),
    ],
)
def test_top_of_a_table_of_which_something_is_gone(photos, gone, words):
    (vector,) = photos.execute("select embedding from _revimg_photos limit 1").fetchone()
    photos.execute(f"drop table {gone}")
    photos.execute("create table secret (id)")
    (text,) = photos.execute("select revimg_top('photos', ?, 2)", [vector]).fetchone()
    (problem,) = json.loads(text)
    assert words in problem["error"]
    assert "secret" not in text
