"""A search with several vectors at once is exact too: against full scans in float64."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.search import top_k
from datasette_revimg.search.cache import Cache
from datasette_revimg.store import code_tables, upkeep
from kit.vector_tables import (
    DIMENSION,
    add,
    features,
    full_sort_of_best,
    noise,
    numbered,
    photos,
    photos_of,
)


def queries_near(rows: dict, count: int) -> np.ndarray:
    """Vectors like those of a picture's parts: some near rows, some near each other, two equal."""
    near = features(count, seed=7) + 0.3 * noise(count, seed=8)
    near[0] = rows[(3,)]
    near[-1] = near[-2]
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("count", [2, 8, 11])
def test_all_ways_give_what_a_full_scan_gives(count):
    conn = photos()
    # Among them rows that are equal to others.
    rows = numbered(features(700))
    add(conn, rows)
    queries = queries_near(rows, count)

    def answers(cache: Cache, **options) -> list[top_k.Result]:
        options = {"exclude": {(3,)}, "counted": True, "cache": cache, **options}
        return [top_k.top_k(conn, "photos", queries, k, **options) for k in (1, 24, 700)]

    for options in ({}, {"where": "colour = 'red'"}, {"minimum": 0.8}):
        in_memory, coded = Cache(), Cache()
        expected = answers(in_memory, **options)
        assert in_memory.slot("photos").times[-1].way == "all vectors"
        assert upkeep.rebuild(conn, photos_of(conn))
        assert answers(coded, **options) == expected
        assert coded.slot("photos").times[-1].way.startswith("codes of")
        conn.execute("alter table _revimg_photos_basis rename to gone")
        scanned = Cache()
        assert answers(scanned, **options) == expected
        assert scanned.slot("photos").times[-1].way == "vector by vector"
        conn.execute("alter table gone rename to _revimg_photos_basis")
        with conn:
            code_tables.start_over(conn, "photos")
        kept = {
            key: vector
            for number, (key, vector) in enumerate(rows.items())
            if key != (3,) and not ("where" in options and number % 3)
        }
        full = [
            each
            for each in full_sort_of_best(kept, queries)
            if each[1] >= options.get("minimum", -1)
        ]
        for k, result in zip((1, 24, 700), expected, strict=True):
            assert result.candidates == len(full)
            assert [hit.key for hit in result.hits] == [key for key, _, _ in full[:k]]
            assert [hit.score for hit in result.hits] == pytest.approx(
                [score for _, score, _ in full[:k]], abs=1e-12
            )
            assert [hit.query for hit in result.hits] == [number for _, _, number in full[:k]]


def test_one_vector_is_the_same_alone_and_as_the_only_one_of_several():
    conn = photos()
    add(conn, numbered(features(300)))
    query = features(1, seed=4)[0]
    alone = top_k.top_k(conn, "photos", query, 20).hits
    assert top_k.top_k(conn, "photos", query[np.newaxis], 20).hits == alone
    assert {hit.query for hit in alone} == {0}


def test_few_vectors_are_read():
    conn = photos()
    rows = numbered(features(3000))
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
    kept = Cache()
    queries = features(8, seed=5)
    hits = top_k.top_k(conn, "photos", queries, 10, cache=kept).hits
    assert [hit.key for hit in hits] == [key for key, _, _ in full_sort_of_best(rows, queries)[:10]]
    assert kept.slot("photos").times[-1].compared < 1500


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_vector_among_several_is_refused(bad):
    conn = photos()
    add(conn, numbered(features(10)))
    queries = features(3, seed=1)
    queries[1, 5] = bad
    with pytest.raises(RevimgError, match="not finite"):
        top_k.top_k(conn, "photos", queries, 1)


def test_vectors_of_another_dimension_are_refused():
    conn = photos()
    add(conn, numbered(features(10)))
    with pytest.raises(RevimgError, match=f"vectors of {DIMENSION} floats, the query has 3"):
        top_k.top_k(conn, "photos", np.ones((2, 3), np.float32), 1)
