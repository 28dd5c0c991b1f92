import math
import sqlite3
import struct

import pytest
import sqlite_utils

from datasette_revimg import sql


def blob(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


@pytest.fixture
def conn():
    conn = sqlite3.connect(":memory:")
    sql.register(conn)
    return conn


def cosine(conn, a, b):
    return conn.execute("select cosine_similarity(?, ?)", [a, b]).fetchone()[0]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 0), (1, 0), 1.0),
        ((1, 0), (0, 1), 0.0),
        ((1, 0), (-1, 0), -1.0),
        ((3, 0), (5, 5), math.sqrt(0.5)),
        ((1, 2, 3), (4, 5, 6), 32 / math.sqrt(14 * 77)),
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
