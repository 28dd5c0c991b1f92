"""When codes are made, made anew or left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np

from datasette_revimg.search.cache import Cache
from datasette_revimg.store import code_chunks, code_tables, upkeep
from datasette_revimg.vectors import codes
from kit.vector_tables import (
    DIMENSION,
    add,
    features,
    full_sort,
    noise,
    numbered,
    photos,
    photos_of,
    top,
)


def test_codes_are_made_when_vectors_are_many(monkeypatch):
    monkeypatch.setattr(codes, "WHOLE_BYTES", 200 * DIMENSION * 4)
    conn = photos()
    vectors = features(2000)
    add(conn, numbered(vectors[:200]))
    source = photos_of(conn)
    upkeep.maintain(conn, source)
    assert code_tables.read_state(conn, "photos").generation is None
    add(conn, numbered(vectors[200:201], 200))
    upkeep.maintain(conn, source)
    first = code_tables.read_state(conn, "photos")
    assert (first.coded, first.fitted, first.added) == (201, 201, 0)
    # The fit is kept until there are more than four times as many.
    add(conn, numbered(vectors[201:800], 201))
    upkeep.maintain(conn, source)
    assert code_tables.read_state(conn, "photos").generation == first.generation
    add(conn, numbered(vectors[800:1000], 800))
    upkeep.maintain(conn, source)
    second = code_tables.read_state(conn, "photos")
    assert second.generation != first.generation
    assert second.fitted == 1000
    assert conn.execute(
        "select count(distinct generation) from _revimg_photos_codes"
    ).fetchone() == (1,)


def test_a_new_kind_of_pictures_gets_a_new_basis():
    conn = photos()
    vectors = np.random.default_rng(5).permutation(features(4000, dimension=256))
    add(conn, numbered(vectors[:3000]))
    source = photos_of(conn)
    upkeep.rebuild(conn, source)
    before = code_tables.read_state(conn, "photos")
    assert before.width < 256
    add(conn, numbered(vectors[3000:], 3000))
    upkeep.maintain(conn, source)
    assert code_tables.read_state(conn, "photos").generation == before.generation
    add(conn, numbered(noise(1500, seed=1, dimension=256), 4000))
    upkeep.maintain(conn, source)
    after = code_tables.read_state(conn, "photos")
    assert after.generation != before.generation
    assert (after.added, after.fitted) == (0, 5500)


def test_a_log_of_mostly_former_entries_is_rewritten():
    conn = photos()
    vectors = features(1200)
    add(conn, numbered(vectors[:600]))
    source = photos_of(conn)
    upkeep.rebuild(conn, source)
    for _ in range(2):
        add(conn, numbered(vectors[600:]))
    assert code_tables.read_state(conn, "photos").coded == 1800
    upkeep.maintain(conn, source)
    assert code_tables.read_state(conn, "photos").coded == 600
    assert top(conn, vectors[900], 1) == [(300,)]


def test_finish_replaces_damaged_codes(monkeypatch):
    monkeypatch.setattr(codes, "WHOLE_BYTES", 1000)
    conn = photos()
    add(conn, numbered(features(700)))
    source = photos_of(conn)
    upkeep.finish(conn, source)
    before = code_tables.read_state(conn, "photos")
    upkeep.finish(conn, source)
    assert code_tables.read_state(conn, "photos") == before
    conn.execute("update _revimg_photos_codes set codes = zeroblob(length(codes)) where chunk = 1")
    conn.commit()
    upkeep.finish(conn, source)
    after = code_tables.read_state(conn, "photos")
    assert after.generation is not None
    assert after.revision != before.revision
    assert len(list(code_chunks.read_chunks(conn, "photos", after))) == 3


def test_two_rebuilds_at_once_leave_the_codes_of_one(monkeypatch, tmp_path):
    conn = photos(path=tmp_path / "photos.db")
    rows = numbered(features(600))
    add(conn, rows)
    source = photos_of(conn)
    fit = codes.fit
    done = []

    def meanwhile(sample, count):
        monkeypatch.setattr(codes, "fit", fit)
        with closing(sqlite3.connect(tmp_path / "photos.db")) as other:
            done.append(upkeep.rebuild(other, source))
        return fit(sample, count)

    monkeypatch.setattr(codes, "fit", meanwhile)
    done.append(upkeep.rebuild(conn, source))
    assert done == [True, False]
    kept = Cache()
    for query in features(3, seed=2):
        assert top(conn, query, 20, cache=kept) == full_sort(rows, query, 20)
    assert kept.slot("photos").times[-1].way.startswith("codes of")


def test_chunks_that_another_rebuild_took_for_leftovers(monkeypatch, tmp_path):
    """They are not adopted."""
    conn = photos(path=tmp_path / "photos.db")
    rows = numbered(features(600))
    add(conn, rows)
    source = photos_of(conn)
    write = code_chunks.write_chunks

    def meanwhile(*arguments):
        write(*arguments)
        code_tables.discard_unused(conn, "photos")

    monkeypatch.setattr(code_chunks, "write_chunks", meanwhile)
    assert not upkeep.rebuild(conn, source)
    assert code_tables.read_state(conn, "photos").generation is None
    query = features(1, seed=2)[0]
    assert top(conn, query, 20) == full_sort(rows, query, 20)


def test_a_rebuild_that_vectors_overtake_changes_nothing(monkeypatch, tmp_path):
    conn = photos(path=tmp_path / "photos.db")
    vectors = features(400)
    add(conn, numbered(vectors[:300]))
    source = photos_of(conn)
    fit = codes.fit

    def meanwhile(sample, rows):
        other = sqlite3.connect(tmp_path / "photos.db")
        add(other, numbered(vectors[300:], 300))
        other.close()
        return fit(sample, rows)

    monkeypatch.setattr(codes, "fit", meanwhile)
    conn.commit()
    assert not upkeep.rebuild(conn, source)
    assert code_tables.read_state(conn, "photos").generation is None
    assert conn.execute("select count(*) from _revimg_photos_codes").fetchone() == (0,)
    assert top(conn, vectors[350], 1) == [(350,)]
