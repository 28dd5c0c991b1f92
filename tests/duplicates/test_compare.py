"""Every pair above a minimum is found, once and with its exact cosine, however the run goes."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from datasette_revimg.duplicates import block_pairs, bounds
from datasette_revimg.duplicates import compare as module
from datasette_revimg.duplicates.compare import compare
from datasette_revimg.errors import RevimgError
from datasette_revimg.store import comparisons, removal, schema, writing
from kit.near_copies import (
    BLANK,
    add,
    brute_force,
    hash_of,
    pictures,
    recorded,
    source_of,
)
from kit.vector_tables import features, noise, numbered, photos


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 64)
    monkeypatch.setattr(bounds, "CHUNK", 96)
    # And codes, which few new pictures don't need.
    monkeypatch.setattr(block_pairs, "FEW", 0)


def check(conn, vectors, minimum):
    expected = brute_force(vectors, minimum)
    found = recorded(conn, minimum)
    assert found.keys() == expected.keys()
    for pair, score in expected.items():
        assert found[pair] == pytest.approx(min(score, 1.0), abs=1e-12)


def run(conn, minimum=0.9, **options):
    return compare(conn, *source_of(conn), minimum, **options)


@pytest.mark.parametrize("minimum", [0.7, 0.9, 0.99])
@pytest.mark.parametrize("dimension", [10, 64, 300])
@pytest.mark.parametrize("few", [0, 1000])
def test_all_pairs_of_a_brute_force_and_no_others(monkeypatch, few, dimension, minimum):
    """With codes, and for few new pictures without."""
    monkeypatch.setattr(block_pairs, "FEW", few)
    conn, vectors = photos(), numbered(features(700, 0, dimension), 1)
    add(conn, vectors)
    compared = run(conn, minimum)
    assert (compared.width == 0) == (few > 0)
    assert len(brute_force(vectors, minimum)) > 100
    check(conn, vectors, minimum)


def test_codes_that_leave_something_over():
    """The fewest directions decide a high minimum best; a low one needs all."""
    conn, vectors = photos(), numbered(features(400, 0, 256), 1)
    add(conn, vectors)
    assert run(conn, 0.95).width < 256
    check(conn, vectors, 0.95)
    strict = run(conn, 0.85).width
    check(conn, vectors, 0.85)
    assert strict > 64


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize("apart", [0, 1, 2, 5])
def test_pairs_at_the_very_minimum(monkeypatch, few, apart):
    """Pairs whose cosine is the minimum, or a few roundings from it."""
    monkeypatch.setattr(block_pairs, "FEW", few)
    conn, vectors = photos(), pictures(300)
    add(conn, vectors)
    matrix = np.array(list(vectors.values()), np.float64)
    minimum = float(np.vecdot(matrix[3], matrix[77]))
    for _ in range(apart):
        minimum = float(np.nextafter(minimum, 2))
    run(conn, minimum)
    found = recorded(conn, minimum)
    pair = tuple(sorted([hash_of((4,)), hash_of((78,))]))
    assert (pair in found) == (apart == 0)


@pytest.mark.parametrize("minimum", [-0.2, 0.0, 0.15])
@pytest.mark.parametrize("few", [0, 1000])
def test_where_codes_decide_nothing(monkeypatch, few, minimum):
    """Vectors in all directions alike leave a lot over, and low minima leave nearly all open."""
    monkeypatch.setattr(block_pairs, "FEW", few)
    conn, vectors = photos(), numbered(noise(300, seed=1), 1)
    add(conn, vectors)
    run(conn, minimum)
    check(conn, vectors, minimum)


def test_vectors_unlike_those_that_the_codes_are_fitted_to():
    """One row in many has a number far beyond the step of the codes."""
    conn = photos()
    rows = np.concatenate([features(300, 0, 96), np.eye(96, dtype=np.float32)])
    rows = np.concatenate([rows, rows[-1:], rows[:1]])
    vectors = numbered(rows, 1)
    add(conn, vectors)
    run(conn, 0.95)
    check(conn, vectors, 0.95)


def test_rows_that_were_changed_and_removed():
    conn, vectors = photos(), pictures(400)
    add(conn, vectors)
    source, _ = source_of(conn)
    changed = {(number,): vector for number, vector in enumerate(pictures(50, 5).values(), 100)}
    add(conn, changed)
    writing.write(conn, source, [], [writing.Failure((7,), "gone", stale=True)])
    run(conn)
    vectors |= changed
    del vectors[7,]
    check(conn, vectors, 0.9)


def test_a_run_that_is_stopped_goes_on_where_it_was():
    conn, vectors = photos(), pictures(300)
    add(conn, vectors)
    seen = []

    def stop(done, total):
        seen.append((done, total))
        if done >= 128:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(conn, on_done=stop)
    assert seen == [(64, 300), (128, 300)]
    assert len(comparisons.read_compared(conn, "photos")) == 128
    kept = recorded(conn, 0.9)
    seen.clear()
    run(conn, on_done=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (172, 172)
    assert kept.items() <= recorded(conn, 0.9).items()
    check(conn, vectors, 0.9)


def test_new_changed_and_deleted_rows():
    conn, vectors = photos(), pictures(300)
    add(conn, vectors)
    run(conn)
    more = {(1000 + number,): vectors[number,] for number in range(1, 40)}
    changed = {(number,): vectors[number + 100,] for number in range(50, 60)}
    add(conn, more)
    add(conn, changed, names={key: ("changed", key) for key in changed})
    with conn:
        conn.execute("delete from photos where id between 200 and 220")
    assert run(conn).new == 49
    assert run(conn).new == 0
    now = {
        ("changed", key) if key in changed else key: (more | vectors | changed)[key]
        for key in vectors | more
        if not 200 <= key[0] <= 220
    }
    check(conn, now, 0.9)
    # They come back, and so do their pairs, also those with rows that came meanwhile.
    with conn:
        conn.executemany("insert into photos (id) values (?)", [(n,) for n in range(200, 221)])
    assert run(conn).new == 21
    check(conn, now | {key: vectors[key] for key in vectors if 200 <= key[0] <= 220}, 0.9)


def test_the_same_file_is_one_picture():
    conn = photos()
    vector = noise(3, seed=2)
    add(
        conn,
        {(1,): vector[0], (2,): vector[0], (3,): vector[1], (4,): vector[0]},
        names={(1,): "a", (2,): "a", (4,): "a"},
    )
    compared = run(conn)
    assert sorted(compared.keys.values()) == [[(1,), (2,), (4,)], [(3,)]]
    assert not recorded(conn, -1)


def test_a_moved_row_is_not_compared_again():
    conn, vectors = photos(), pictures(100)
    add(conn, vectors)
    run(conn)
    with conn:
        conn.execute("delete from photos where id = 5")
    add(conn, {(500,): vectors[5,]}, names={(500,): (5,)})
    assert run(conn).new == 0
    check(conn, vectors, 0.9)


def test_a_lower_minimum_starts_again_and_a_higher_one_does_not():
    conn, vectors = photos(), pictures(200)
    add(conn, vectors)
    assert run(conn, 0.9).new == 200
    assert run(conn, 0.95).new == 0
    assert run(conn, 0.8).new == 200
    check(conn, vectors, 0.8)


def test_another_model_starts_again():
    conn = photos()
    add(conn, pictures(50))
    run(conn)
    conn.execute("update _revimg_tables set weights_sha256 = ?", ["1" * 64])
    conn.commit()
    assert run(conn).new == 50


def test_rows_that_meet_a_condition_first_and_the_others_later():
    conn, vectors = photos(), pictures(200)
    add(conn, vectors)
    compared = run(conn, where="id % 2 = 0")
    assert compared.new == 100
    assert all(key[0] % 2 == 0 for keys in compared.keys.values() for key in keys)
    check(conn, {key: vector for key, vector in vectors.items() if key[0] % 2 == 0}, 0.9)
    assert run(conn).new == 100
    check(conn, vectors, 0.9)


@pytest.mark.parametrize("order", ["blank first", "blank last"])
def test_blank_pictures_have_no_pairs(order):
    conn = photos()
    vectors = numbered(np.repeat(noise(1, seed=4), 150, axis=0), 1)
    vivid = {key: vector for key, vector in vectors.items() if key[0] <= 20}
    blank = {key: vector for key, vector in vectors.items() if key[0] > 20}
    parts = [(blank, BLANK), (vivid, None)]
    for part, small in parts if order == "blank first" else parts[::-1]:
        add(conn, part, **({"small": small} if small else {}))
        run(conn)
    check(conn, vivid, 0.9)
    assert len(comparisons.read_plain(conn, "photos")) == 130


def test_too_many_pairs_are_refused_and_those_before_kept(monkeypatch):
    monkeypatch.setattr(block_pairs, "MOST_PAIRS", 3000)
    conn = photos()
    add(conn, numbered(np.repeat(noise(1, seed=4), 150, axis=0), 1))
    with pytest.raises(RevimgError, match=r"more than 3,000 pairs of 'photos' score 0\.9"):
        run(conn)
    # The first block of 64 has 64 · 63 / 2 of them.
    assert len(recorded(conn, 0.9)) == 2016


def test_two_runs_at_once(tmp_path):
    conn = photos(path=tmp_path / "a.db")
    add(conn, pictures(200))
    other = sqlite3.connect(tmp_path / "a.db")

    def interfere(done, total):
        if done == 64:
            run(other)

    with pytest.raises(RevimgError, match="another run compares the pictures of 'photos'"):
        run(conn, on_done=interfere)
    check(conn, pictures(200), 0.9)


def test_a_table_that_is_embedded_meanwhile(tmp_path):
    conn, vectors = photos(path=tmp_path / "a.db"), pictures(200)
    add(conn, vectors)
    other, more = sqlite3.connect(tmp_path / "a.db"), {(500,): vectors[1,]}
    with pytest.raises(RevimgError, match="'photos' was changed meanwhile"):
        run(conn, on_done=lambda done, total: add(other, more))
    run(conn)
    check(conn, vectors | more, 0.9)


def test_a_damaged_vector_is_compared_once_it_is_mended():
    conn, vectors = photos(), pictures(100)
    add(conn, vectors)
    with conn:
        conn.execute("update _revimg_photos set embedding = x'00' where id = 9")
    run(conn)
    check(conn, {key: vector for key, vector in vectors.items() if key != (9,)}, 0.9)
    add(conn, {(9,): vectors[9,]})
    run(conn)
    check(conn, vectors, 0.9)


@pytest.mark.parametrize(
    "keys", ["path text primary key", "a text, b integer, primary key (a, b)", "note"]
)
def test_keys_of_any_kind(keys):
    conn = photos(keys)
    vectors = {}
    for number, vector in enumerate(pictures(120).values(), start=1):
        key = {"path": (f"{number}.jpg",), "a": (f"{number % 7}", number), "note": (number,)}
        vectors[key[keys.split()[0]]] = vector
    add(conn, vectors)
    run(conn)
    check(conn, vectors, 0.9)


def test_tables_without_vectors_or_with_one_row():
    conn, vectors = photos(), pictures(1)
    add(conn, vectors)
    run(conn)
    check(conn, vectors, 0.9)
    with conn:
        conn.execute("delete from photos")
    assert run(conn).keys == {}


def test_forgetting_a_table_forgets_its_pairs():
    conn = photos()
    add(conn, pictures(50))
    run(conn)
    removal.forget(conn, "photos")
    assert [name for name in schema.table_names(conn) if schema.is_own(name)] == []
    add(conn, pictures(50, seed=1))
    assert run(conn).new == 50
    check(conn, pictures(50, seed=1), 0.9)


def test_the_width_of_the_codes_is_named():
    """So that benchmarks can print it."""
    conn = photos()
    add(conn, pictures(300))
    assert run(conn).width == 64
    assert run(conn).width == 0
