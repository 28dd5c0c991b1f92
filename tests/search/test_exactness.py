"""A search is exact, whichever way it goes: against full scans in float64."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from datasette_revimg.search import top_k
from datasette_revimg.search.cache import Cache
from datasette_revimg.store import code_tables, upkeep
from kit.vector_tables import DIMENSION, add, features, full_sort, numbered, photos, photos_of, top

KEYS = {
    "integer": ("id integer primary key", lambda n: (n * 7 - 900,)),
    "text": ("name text primary key", lambda n: (f"é/{n}'\"",)),
    "compound": ("a text, b integer, primary key (a, b)", lambda n: (str(n % 5), n)),
    "blob": ("id blob primary key", lambda n: (n.to_bytes(3, "big"),)),
    "mixed": ("id primary key", lambda n: (n if n % 2 else f"{n}",)),
    "real": ("id real primary key", lambda n: (n / 3,)),
}


@pytest.mark.parametrize("kind", KEYS)
def test_three_ways_give_the_same_answer(kind):
    declared, key = KEYS[kind]
    conn = photos(declared)
    rows = {key(number): vector for number, vector in enumerate(features(700))}
    add(conn, rows)
    source = photos_of(conn)
    queries = [*features(5, seed=3), *list(rows.values())[:5], list(rows.values())[-1]]

    def answers(**options) -> list:
        return [
            (result.candidates, [(hit.key, hit.score) for hit in result.hits])
            for query in queries
            for k in (1, 24, 300)
            for result in [
                top_k.top_k(
                    conn,
                    "photos",
                    query,
                    k,
                    exclude={key(3)},
                    counted=True,
                    **options,
                )
            ]
        ]

    for options in ({}, {"where": "colour = 'red'"}, {"minimum": 0.9}):
        whole = Cache()
        in_memory = answers(cache=whole, **options)
        assert whole.slot("photos").times[-1].way == "all vectors"
        assert upkeep.rebuild(conn, source)
        coded = Cache()
        assert answers(cache=coded, **options) == in_memory
        assert coded.slot("photos").times[-1].way.startswith("codes of")
        conn.execute("alter table _revimg_photos_basis rename to gone")
        scanned = Cache()
        assert answers(cache=scanned, **options) == in_memory
        assert scanned.slot("photos").times[-1].way == "vector by vector"
        conn.execute("alter table gone rename to _revimg_photos_basis")
        with conn:
            code_tables.start_over(conn, "photos")
    if kind == "mixed":
        return
    for query in queries:
        assert top(conn, query, 50) == full_sort(rows, query, 50)


def test_codes_need_few_vectors_and_no_more_than_the_bound_says():
    conn = photos()
    rows = numbered(features(3000))
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
    kept = Cache()
    for query in features(20, seed=5):
        assert top(conn, query, 10, cache=kept) == full_sort(rows, query, 10)
        assert kept.slot("photos").times[-1].compared < 1000


def test_a_row_that_is_gone_from_the_source_is_never_found():
    conn = photos()
    rows = numbered(features(300))
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
    kept = Cache()
    query = rows[(7,)]
    assert top(conn, query, 1, cache=kept) == [(7,)]
    conn.execute("delete from photos where id in (7, 8, 9)")
    left = {key: vector for key, vector in rows.items() if key[0] not in (7, 8, 9)}
    result = top_k.top_k(conn, "photos", query, 300, counted=True, cache=kept)
    assert [hit.key for hit in result.hits] == full_sort(left, query, 300)
    assert result.candidates == 297


def test_a_database_without_codes_that_cannot_be_written(tmp_path):
    file = tmp_path / "photos.db"
    conn = photos(path=file)
    rows = numbered(features(500))
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
    conn.execute("drop table _revimg_photos_codes")
    conn.execute("drop table _revimg_photos_basis")
    conn.commit()
    conn.close()
    for mode in ("mode=ro", "immutable=1"):
        readonly = sqlite3.connect(f"file:{file}?{mode}", uri=True)
        query = features(1, 4)[0]
        assert top(readonly, query, 10) == full_sort(rows, query, 10)


def test_nan_is_refused():
    conn = photos()
    add(conn, numbered(features(10)))
    with pytest.raises(top_k.RevimgError, match="not finite"):
        top(conn, np.full(DIMENSION, np.nan, np.float32), 1)
