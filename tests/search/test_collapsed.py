"""One row of each group, and still exactly what a full scan gives."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.search import top_k
from datasette_revimg.search.cache import Cache
from datasette_revimg.store import upkeep
from kit.vector_tables import add, features, full_sort, numbered, photos, photos_of

COUNT = 900


def grouped(seed: int, groups: int, share: float) -> dict:
    """A share of the rows in so many groups, at random: near and far rows are in one."""
    rng = np.random.default_rng(seed)
    chosen = rng.random(COUNT) < share
    numbers = rng.integers(groups, size=COUNT)
    return {(row,): int(numbers[row]) for row in range(COUNT) if chosen[row]}


def first_of_each(order: list, group_of: dict, k: int) -> list:
    """The first row of each group, and every row without one, in this order."""
    seen, left = set(), []
    for key in order:
        group = group_of.get(key)
        if group is None or group not in seen:
            left.append(key)
        seen.add(group)
    return left[:k]


@pytest.fixture(scope="module")
def rows():
    return numbered(features(COUNT))


@pytest.mark.parametrize(
    ("groups", "share"), [(1, 1.0), (3, 0.9), (40, 0.5), (300, 1.0), (300, 0.1), (5, 0.0)]
)
@pytest.mark.parametrize("way", ["all vectors", "codes of", "vector by vector"])
def test_the_best_of_each_group(rows, groups, share, way):
    conn = photos()
    add(conn, rows)
    if way != "all vectors":
        assert upkeep.rebuild(conn, photos_of(conn))
    if way == "vector by vector":
        conn.execute("drop table _revimg_photos_basis")
    group_of = grouped(groups, groups, share)
    cache = Cache()
    # Rows of which many are equal to others are among the queries.
    for query in (*features(4, seed=9), rows[(2,)], rows[(COUNT - 1,)]):
        order = full_sort(rows, query, COUNT)
        for k in (1, 7, 24, COUNT):
            result = top_k.top_k(
                conn, "photos", query, k, counted=True, cache=cache, group_of=group_of.get
            )
            assert [hit.key for hit in result.hits] == first_of_each(order, group_of, k)
            # All of them could have been chosen.
            assert result.candidates == COUNT
        assert cache.slot("photos").times[-1].way.startswith(way)


def test_with_conditions(rows):
    conn = photos()
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
    group_of = grouped(2, 30, 0.7)
    query = features(1, seed=4)[0]
    red = {key: vector for number, (key, vector) in enumerate(rows.items()) if number % 3 == 0}
    order = full_sort(red, query, COUNT)
    excluded = set(order[:5])
    lowest = float(red[order[60]].astype(float) @ query.astype(float))
    result = top_k.top_k(
        conn,
        "photos",
        query,
        24,
        where="colour = 'red'",
        exclude=excluded,
        minimum=lowest,
        group_of=group_of.get,
    )
    left = [key for key in order[:61] if key not in excluded]
    assert [hit.key for hit in result.hits] == first_of_each(left, group_of, 24)


def test_no_more_vectors_are_read_than_the_results_need():
    """Copies of the nearest row, far more than results: they are read once, and little else is."""
    near = features(1, seed=1)[0]
    copies = near + 0.001 * features(400, seed=2)
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    rows = numbered(np.concatenate([copies.astype(np.float32), features(6000, seed=3)]))
    conn = photos()
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
    group_of = {(row,): 1 for row in range(400)}
    cache = Cache()
    result = top_k.top_k(conn, "photos", near, 24, cache=cache, group_of=group_of.get)
    order = full_sort(rows, near, len(rows))
    assert [hit.key for hit in result.hits] == first_of_each(order, group_of, 24)
    collapsed = cache.slot("photos").times[-1].compared
    # Those of a search for as many rows as had to be looked at.
    top_k.top_k(conn, "photos", near, 400 + 23, cache=cache)
    assert collapsed <= 2 * cache.slot("photos").times[-1].compared
