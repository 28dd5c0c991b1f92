import itertools
import math
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.search import top_k
from datasette_revimg.search.functions import register
from datasette_revimg.store import reading, thumbnails
from kit.geometry import build
from kit.vector_tables import store


def on_circle(angle: float) -> np.ndarray:
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


@pytest.fixture
def conn():
    """Ten rows at the angles 0, 0.1 … 0.9: the cosine of two is that of their difference."""
    conn = sqlite3.connect(":memory:")
    conn.execute("create table photos (id integer primary key, colour text, picture blob)")
    conn.executemany(
        "insert into photos values (?, ?, x'00')",
        [(n, "red" if n % 2 else "blue") for n in range(10)],
    )
    store(conn, "photos", {(n,): on_circle(n / 10) for n in range(10)})
    return conn


def ids_of(result: top_k.Result) -> list[int]:
    return [hit.key[0] for hit in result.hits]


def test_best_first_with_their_cosines(conn):
    result = top_k.top_k(conn, "photos", on_circle(0.0), 4, counted=True)
    assert ids_of(result) == [0, 1, 2, 3]
    assert [hit.score for hit in result.hits] == pytest.approx(
        [math.cos(n / 10) for n in range(4)], abs=1e-6
    )
    assert result.candidates == 10


def test_where_restricts_to_rows_of_the_source(conn):
    result = top_k.top_k(
        conn,
        "photos",
        on_circle(0.0),
        3,
        where="colour = :c",
        parameters={"c": "red"},
        counted=True,
    )
    assert ids_of(result) == [1, 3, 5]
    assert result.candidates == 5


def test_exclude_and_minimum(conn):
    result = top_k.top_k(
        conn,
        "photos",
        on_circle(0.5),
        9,
        exclude={(5,)},
        minimum=math.cos(0.21),
        counted=True,
    )
    assert sorted(ids_of(result)) == [3, 4, 6, 7]
    assert result.candidates == 4


def test_a_row_that_is_gone_is_never_found(conn):
    conn.execute("delete from photos where id = 1")
    assert ids_of(top_k.top_k(conn, "photos", on_circle(0.0), 3)) == [0, 2, 3]
    assert reading.vector(conn, "photos", (1,)) is None
    assert thumbnails.read(conn, "photos", (1,)) is None


def test_more_than_there_are(conn):
    assert len(top_k.top_k(conn, "photos", on_circle(0.0), 1000).hits) == 10


def test_same_as_a_full_sort_on_many_rows():
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(2000, 16))
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    conn = sqlite3.connect(":memory:")
    conn.execute("create table t (a text, b integer, picture blob, primary key (a, b))")
    keys = [(str(n % 7), n) for n in range(len(matrix))]
    conn.executemany("insert into t values (?, ?, x'00')", keys)
    store(conn, "t", dict(zip(keys, matrix.astype(np.float32), strict=True)))
    query = matrix[5].astype(np.float32)
    expected = np.argsort(-(matrix @ matrix[5]))[:50]
    result = top_k.top_k(conn, "t", query, 50)
    assert [hit.key for hit in result.hits] == [keys[n] for n in expected]


def test_ties_are_ordered_by_key_of_any_type():
    conn = sqlite3.connect(":memory:")
    conn.execute("create table t (id primary key, picture blob)")
    keys = [(b"\x01",), ("b",), (10,), ("a",), (9,), (2.5,)]
    conn.executemany("insert into t values (?, x'00')", keys)
    store(conn, "t", {key: on_circle(0.0) for key in keys})
    result = top_k.top_k(conn, "t", on_circle(0.0), 5)
    assert [hit.key for hit in result.hits] == [(2.5,), (9,), (10,), ("a",), ("b",)]


def test_query_of_another_dimension_is_refused(conn):
    with pytest.raises(RevimgError, match="vectors of 2 floats, the query has 3"):
        top_k.top_k(conn, "photos", np.ones(3, np.float32), 1)


def test_a_time_limit_at_any_moment_leaves_nothing_open(tmp_path):
    """Whatever is interrupted: the next reader sees the present, and writers can write."""
    file = tmp_path / "data.db"
    build(file)
    with closing(sqlite3.connect(file)) as conn, closing(sqlite3.connect(file)) as writer:
        writer.execute("pragma journal_mode = wal")
        query = reading.vector(conn, "photos", [1])
        interrupted = 0
        for steps in range(1, 400, 7):
            left = itertools.count(steps, -1)
            conn.set_progress_handler(lambda left=left: next(left) <= 0, 1)
            try:
                top_k.top_k(conn, "photos", query, 3)
            except sqlite3.OperationalError:
                interrupted += 1
            conn.set_progress_handler(None, 0)
            assert not conn.in_transaction
            with writer:
                writer.execute("insert into plain (id) values (?)", [1000 + steps])
            found = conn.execute("select count(*) from plain where id = ?", [1000 + steps])
            assert found.fetchone() == (1,)
        assert interrupted > 20


def test_within_a_statement_that_writes(conn):
    register(conn)
    top = "revimg_top('photos', (select embedding from _revimg_photos where id = 1), 3)"
    conn.execute(f"create table best as select value ->> 'id' as id from json_each({top})")
    conn.commit()
    assert conn.execute("select count(*) from best").fetchone() == (3,)
