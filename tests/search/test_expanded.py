"""A search whose query is expanded is exact too: the formula and a full scan, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.search.cache import Cache
from datasette_revimg.search.queries import Query, best_matches
from datasette_revimg.search.similar import Question, answer
from kit.vector_tables import add, features, full_sort, numbered, photos, photos_of

ROWS = numbered(features(500))


@pytest.fixture
def conn():
    conn = photos()
    add(conn, ROWS)
    return conn


def expanded(query: np.ndarray, neighbours: list) -> np.ndarray:
    """The definition, row by row."""
    total = query.astype("f8")
    for key in neighbours:
        vector = ROWS[key].astype("f8")
        total = total + max(0.0, float(vector @ query.astype("f8"))) ** 2 * vector
    return (total / np.linalg.norm(total)).astype(np.float32)


def test_ranks_as_the_expanded_query_does(conn):
    source = photos_of(conn)
    others = {key: vector for key, vector in ROWS.items() if key != (7,)}
    for cache in (Cache(), None):
        found = answer(conn, source, Question(row=("7",), size=30, expand=5), cache)
        neighbours = full_sort(others, ROWS[(7,)], 5)
        assert found.expanded == neighbours
        query = expanded(ROWS[(7,)], neighbours)
        assert [row.key for row in found.rows] == full_sort(others, query, 30)
        assert [row.score for row in found.rows] == pytest.approx(
            [float(ROWS[row.key].astype("f8") @ query) for row in found.rows], abs=1e-6
        )
    query = Query(ROWS[(7,)], (7,))
    matches = best_matches(conn, source, [query], k=30, expand=5)
    assert [match.key for match in matches] == [row.key for row in found.rows]


def test_only_with_rows_that_meet_the_conditions(conn):
    source = photos_of(conn)
    among = [key for key in ROWS if key[0] % 3 == 0 and key != (7,)]
    found = answer(conn, source, Question(row=("7",), size=9, expand=4, among=among))
    assert found.expanded == full_sort({key: ROWS[key] for key in among}, ROWS[(7,)], 4)
    query = Query(ROWS[(7,)], (7,))
    matches = best_matches(conn, source, [query], k=9, expand=4, where="id % 3 = 0")
    assert [match.key for match in matches] == [row.key for row in found.rows]


def test_nothing_to_expand_with(conn):
    found = answer(conn, photos_of(conn), Question(row=("7",), size=9, expand=4, among=[]))
    assert (found.expanded, found.rows) == ([], [])


def test_several_vectors_are_expanded_each(conn):
    queries = features(3, seed=2)
    found = answer(conn, photos_of(conn), Question(row=None, vector=queries, size=9, expand=5))
    moved = np.stack([expanded(query, found.expanded) for query in queries])
    scores = {key: max(moved.astype("f8") @ vector.astype("f8")) for key, vector in ROWS.items()}
    best = sorted(scores, key=lambda key: (-scores[key], key))[:9]
    assert [row.key for row in found.rows] == best
    # The first search has found what the vectors are expanded with.
    first = {key: max(queries.astype("f8") @ vector.astype("f8")) for key, vector in ROWS.items()}
    assert found.expanded == sorted(first, key=lambda key: (-first[key], key))[:5]
