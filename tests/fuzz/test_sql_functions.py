"""SQL functions with arguments of any type: right, NULL or a sentence, never an exception."""

from __future__ import annotations

import json
import math
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasette_revimg.search import functions
from kit.fuzzing import examples, sql_values
from kit.geometry import ANGLES, DIMENSION, vector

# numpy's, of the numbers that are computed again.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

floats = st.floats(width=32)
vectors = st.lists(floats, min_size=1, max_size=20).map(
    lambda numbers: struct.pack(f"<{len(numbers)}f", *numbers)
)
pairs = st.integers(1, 20).flatmap(
    lambda size: st.tuples(*[st.lists(floats, min_size=size, max_size=size)] * 2)
)


@pytest.fixture(scope="module")
def conn(built: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to vectors at known angles that has the functions."""
    with closing(sqlite3.connect(built)) as conn:
        functions.register(conn)
        yield conn


def packed(numbers: list[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def expected_cosine(a: list[float], b: list[float]) -> float | None:
    """Return the cosine in Python's own arithmetic; None where there is no angle."""
    if not all(map(math.isfinite, a + b)) or not any(a) or not any(b):
        return None
    # Of scaled vectors, whose squares neither vanish nor overflow.
    a, b = ([number / max(map(abs, each)) for number in each] for each in (a, b))
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(math.fsum(x * x for x in a)) / math.sqrt(math.fsum(x * x for x in b))


@examples(300)
@given(pairs)
@example(([1e-45], [3e38]))
@example(([3.4e38] * 20, [3.4e38] * 20))
def test_cosine_of_any_two_vectors(conn: sqlite3.Connection, pair: Any) -> None:
    (found,) = conn.execute("select cosine_similarity(?, ?)", list(map(packed, pair))).fetchone()
    expected = expected_cosine(*pair)
    if expected is None:
        assert found is None
    else:
        assert -1 <= found <= 1
        assert found == pytest.approx(expected, abs=1e-6)


@examples(300)
@given(sql_values | vectors, sql_values | vectors)
def test_cosine_of_anything(conn: sqlite3.Connection, a: Any, b: Any) -> None:
    (found,) = conn.execute("select cosine_similarity(?, ?)", [a, b]).fetchone()
    if not isinstance(a, bytes) or not isinstance(b, bytes) or len(a) != len(b) or len(a) % 4:
        assert found is None
    assert found is None or -1 <= found <= 1


tables = st.sampled_from(["photos", "PHOTOS", "awkward", "pairs", "keyless", "files", "plain"])
stored = st.sampled_from(sorted(ANGLES)).map(lambda number: vector(ANGLES[number]).tobytes())
any_vector = st.lists(floats, min_size=DIMENSION, max_size=DIMENSION).map(packed)


@examples(200)
@given(
    tables | sql_values, stored | any_vector | vectors | sql_values, st.integers(1, 20) | sql_values
)
def test_top_of_anything(conn: sqlite3.Connection, table: Any, embedding: Any, k: Any) -> None:
    (found,) = conn.execute("select revimg_top(?, ?, ?)", [table, embedding, k]).fetchone()
    if found is None:
        return
    rows = json.loads(found)
    if rows and "error" in rows[0]:
        assert rows[0]["error"].startswith("revimg_top: ")
        assert len(rows) == 1
        return
    scores = [row["score"] for row in rows]
    assert len(rows) <= k
    assert scores == sorted(scores, reverse=True)
    assert all(-1 <= score <= 1 for score in scores)


@examples(100)
@given(any_vector, st.integers(1, len(ANGLES)))
def test_top_is_the_best_by_cosine(conn: sqlite3.Connection, embedding: bytes, k: int) -> None:
    (found,) = conn.execute("select revimg_top('photos', ?, ?)", [embedding, k]).fetchone()
    numbers = list(struct.unpack(f"<{DIMENSION}f", embedding))
    cosines = [expected_cosine(numbers, vector(degrees).tolist()) for degrees in ANGLES.values()]
    if found is None:
        assert None in cosines
        return
    best = sorted(cosines, reverse=True)[:k]
    assert [row["score"] for row in json.loads(found)] == pytest.approx(best, abs=1e-6)
