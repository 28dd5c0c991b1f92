"""The log of codes: what is appended, and what damage is noticed and mended."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.search import top_k
from datasette_revimg.search.cache import Cache
from datasette_revimg.store import code_tables, distributions, upkeep, writing
from datasette_revimg.store.writing import Failure
from kit.vector_tables import add, features, full_sort, numbered, photos, photos_of, top


def test_added_rows_are_found_at_once_without_a_new_basis():
    conn = photos()
    vectors = features(1000)
    rows = numbered(vectors[:300])
    add(conn, rows)
    source = photos_of(conn)
    upkeep.rebuild(conn, source)
    kept = Cache()
    generation = code_tables.read_state(conn, "photos").generation
    for start in range(300, 1000, 70):
        more = numbered(vectors[start : start + 70], start)
        add(conn, more)
        rows |= more
        for query in (vectors[start], features(1, seed=start)[0]):
            assert top(conn, query, 20, cache=kept) == full_sort(rows, query, 20)
    known = code_tables.read_state(conn, "photos")
    assert (known.generation, known.coded, known.vectors) == (generation, 1000, 1000)
    index = kept.index(conn, source)
    assert index.keys(range(len(index))) == list(rows)


def test_changed_and_removed_rows():
    conn = photos()
    vectors = features(900)
    rows = numbered(vectors[:600])
    add(conn, rows)
    source = photos_of(conn)
    upkeep.rebuild(conn, source)
    kept = Cache()
    top(conn, vectors[0], 5, cache=kept)
    changed = {(number,): vectors[600 + number] for number in range(0, 200, 2)}
    add(conn, changed)
    rows |= changed
    gone = [(number,) for number in range(1, 100, 2)]
    writing.write(conn, source, [], [Failure(key, "damaged", stale=True) for key in gone])
    rows = {key: vector for key, vector in rows.items() if key not in gone}
    for query in (vectors[1], vectors[600], vectors[5], *features(4, seed=8)):
        for options in ({}, {"minimum": 0.85}, {"where": "id % 3 = 0"}):
            expected = {
                key: vector
                for key, vector in rows.items()
                if ("where" not in options or key[0] % 3 == 0)
                and float(vector.astype(float) @ query.astype(float)) >= options.get("minimum", -1)
            }
            for used in (kept, Cache()):
                result = top_k.top_k(conn, "photos", query, 30, counted=True, cache=used, **options)
                assert [hit.key for hit in result.hits] == full_sort(expected, query, 30)
                assert result.candidates == len(expected)
    # A key that comes back holds again.
    add(conn, {(1,): vectors[899]})
    assert top(conn, vectors[899], 1, cache=kept) == [(1,)]
    known = code_tables.read_state(conn, "photos")
    assert known.vectors == len(rows) + 1
    upkeep.finish(conn, source)


DAMAGE = {
    "a chunk is missing": "delete from _revimg_photos_codes where chunk = 1",
    "a chunk is short": "update _revimg_photos_codes set codes = substr(codes, 5) where chunk = 1",
    "a chunk is zeros": (
        "update _revimg_photos_codes set codes = zeroblob(length(codes)) where chunk = 1"
    ),
    "a bit of a code": "update _revimg_photos_codes set codes = flipped(codes, 3 * 8 + 7)",
    "all signs of a chunk": (
        "update _revimg_photos_codes set codes = negated(codes) where chunk = 0"
    ),
    "a bit of a key": "update _revimg_photos_codes set keys = flipped(keys, 8) where chunk = 1",
    "a bit of a residual": (
        "update _revimg_photos_codes set residuals = flipped(residuals, 70) where chunk = 0"
    ),
    "keys are short": "update _revimg_photos_codes set keys = substr(keys, 3) where chunk = 1",
    "keys are no JSON": "update _revimg_photos_codes set keys = '[1' where chunk = 1",
    "keys are null": "update _revimg_photos_codes set keys = null where chunk = 0",
    "a bit of the basis": (
        "update _revimg_photos_basis set directions = flipped(directions, 31) where number > 0"
    ),
    "signs of the basis": (
        "update _revimg_photos_basis set directions = negated(directions) where number > 0"
    ),
    "the state has a null": "update _revimg_photos_basis set coded = null where number = 0",
    "the state is gone": "delete from _revimg_photos_basis where number = 0",
    "residuals are text": "update _revimg_photos_codes set residuals = 'x' where chunk = 0",
    "the basis is short": "update _revimg_photos_basis set directions = x'00'",
    "the basis is zeros": (
        "update _revimg_photos_basis set directions = zeroblob(length(directions))"
    ),
    "the table of codes is gone": "drop table _revimg_photos_codes",
    "of another version": "update _revimg_photos_basis set version = 99",
    "vectors were added by hand": (
        "insert into _revimg_photos select 5000, embedding, x'' from _revimg_photos where id = 1"
    ),
}


def flipped(blob: bytes, bit: int) -> bytes:
    changed = bytearray(blob)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def negated(blob: bytes) -> bytes:
    return (-np.frombuffer(blob, "<f4")).tobytes()


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed_and_mended(damage, caplog):
    conn = photos()
    rows = numbered(features(700))
    add(conn, rows)
    source = photos_of(conn)
    upkeep.rebuild(conn, source)
    conn.create_function("flipped", 2, flipped)
    conn.create_function("negated", 1, negated)
    conn.execute(DAMAGE[damage])
    conn.commit()
    assert distributions.read(conn, "photos") is None
    if damage == "vectors were added by hand":
        conn.execute("insert into photos (id) values (5000)")
        rows[(5000,)] = rows[(1,)]
    else:
        for query in features(3, seed=2):
            for _ in range(2):
                assert top(conn, query, 20) == full_sort(rows, query, 20)
    # Of what isn't known at all, nobody can say that it is damaged.
    if not damage.startswith(("the state", "vectors")):
        assert "photos" in caplog.text
        assert "datasette revimg embed" in caplog.text
    # What embed does: adds something, and looks after everything.
    code_tables.create(conn, "photos")
    more = numbered(features(5, seed=77), 6000)
    add(conn, more)
    rows |= more
    upkeep.finish(conn, source)
    upkeep.rebuild(conn, source)
    caplog.clear()
    kept = Cache()
    for query in features(3, seed=2):
        assert top(conn, query, 20, cache=kept) == full_sort(rows, query, 20)
    assert kept.slot("photos").times[-1].way.startswith("codes of")
    assert caplog.text == ""
