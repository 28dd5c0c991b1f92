"""Codes, their bound, their tables: against arithmetic in float64 and full scans."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg import errors
from datasette_revimg.search import cache, top_k
from datasette_revimg.search.cache import Budget, Cache
from datasette_revimg.store import (
    code_keys,
    code_log,
    code_tables,
    distributions,
    removal,
    sql,
    tables,
    upkeep,
    writing,
)
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding, Failure
from datasette_revimg.vectors import codes

DIMENSION = 64


def features(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """Unit vectors float32 (n, D) that look like a network's: none negative, some directions far
    stronger than others, some rows nearly the same and some exactly."""
    rng = np.random.default_rng(seed)
    strength = 1 / np.arange(1, dimension + 1) ** 0.7
    axes, _ = np.linalg.qr(np.random.default_rng(99).normal(size=(dimension, dimension)))
    rows = np.abs(rng.normal(size=(count, dimension)) * strength @ axes)
    rows[count // 2 : count // 2 + count // 10] = rows[0] + 0.01 * np.abs(
        rng.normal(size=(count // 10, dimension))
    )
    rows[count - count // 20 :] = rows[: count // 20]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def database(keys: str = "id integer primary key", path: str | Path = ":memory:"):
    conn = sqlite3.connect(path)
    conn.execute(f"create table photos (colour text, picture blob, {keys})")
    return conn


def add(conn: sqlite3.Connection, rows: dict[tuple, np.ndarray]) -> None:
    """Rows with vectors; every third is red."""
    source = tables.find(conn, "photos")
    names, width = ", ".join(source.key_columns), len(source.key_columns)
    for number, key in enumerate(rows):
        conn.execute(
            f"insert or replace into photos ({names}, colour) "
            f"values ({sql.placeholders(width + 1)})",
            [*key, "blue" if number % 3 else "red"],
        )
    conn.commit()
    dimension = len(next(iter(rows.values())))
    writing.prepare(
        conn,
        source,
        EmbeddedTable("photos", "picture", "blob", None, "test", "0" * 64, dimension, "caffe"),
    )
    entries = [Embedding(key, vector, b"hash", b"", 4, 3) for key, vector in rows.items()]
    writing.write(conn, source, entries, [])


def numbered(vectors: np.ndarray, first: int = 0) -> dict[tuple, np.ndarray]:
    return {(first + number,): vector for number, vector in enumerate(vectors)}


def full_sort(rows: dict[tuple, np.ndarray], query: np.ndarray, k: int) -> list[tuple]:
    """The k best by cosines in float64, equal ones by key."""
    exact = query.astype(np.float64)
    scored = [(-float(vector.astype(np.float64) @ exact), key) for key, vector in rows.items()]
    return [key for _, key in sorted(scored)[:k]]


def top(conn: sqlite3.Connection, query: np.ndarray, k: int, **options) -> list[tuple]:
    return [hit.key for hit in top_k.top_k(conn, "photos", query, k, **options).hits]


def source_of(conn: sqlite3.Connection) -> tables.Table:
    return tables.find(conn, "photos")


@pytest.mark.parametrize("width", [1, 8, 40, DIMENSION])
def test_the_bound_holds_for_every_pair(width):
    rows, queries = features(400), features(60, seed=1)
    # Also for vectors that have nothing to do with what the basis was fitted to.
    strange = np.random.default_rng(2).normal(size=(60, DIMENSION)).astype(np.float32)
    strange /= np.linalg.norm(strange, axis=1, keepdims=True)
    everything = np.concatenate([rows, strange])
    basis = codes.fit(rows, len(rows))[0][:width]
    coded = codes.encode(basis, everything)
    for query in np.concatenate([queries, strange[:10]]):
        estimates, margins = codes.bounds(coded, codes.encode(basis, query[np.newaxis]))
        cosines = everything.astype(np.float64) @ query.astype(np.float64)
        assert np.all(np.abs(cosines - estimates) <= margins)


def test_the_basis_is_orthonormal_and_as_good_as_the_exact_one():
    rows = features(2000, dimension=256)
    basis, _ = codes.fit(rows, 1_000_000)
    assert basis @ basis.T == pytest.approx(np.eye(len(basis)), abs=1e-5)
    left = np.mean(codes.encode(basis, rows).residuals ** 2)
    values = np.linalg.svd(rows.astype(np.float64), compute_uv=False) ** 2
    assert left <= 1.05 * values[len(basis) :].sum() / len(rows) + 1e-4
    others = np.random.default_rng(5).permutation(features(9000, dimension=256))
    basis, expected = codes.fit(others[:4000], 1_000_000)
    assert expected == pytest.approx(
        np.mean(codes.encode(basis, others[4000:]).residuals ** 2), rel=0.05
    )


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
    conn = database(declared)
    rows = {key(number): vector for number, vector in enumerate(features(700))}
    add(conn, rows)
    source = source_of(conn)
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
    conn = database()
    rows = numbered(features(3000))
    add(conn, rows)
    upkeep.rebuild(conn, source_of(conn))
    kept = Cache()
    for query in features(20, seed=5):
        assert top(conn, query, 10, cache=kept) == full_sort(rows, query, 10)
        assert kept.slot("photos").times[-1].compared < 1000


def test_added_rows_are_found_at_once_without_a_new_basis():
    conn = database()
    vectors = features(1000)
    rows = numbered(vectors[:300])
    add(conn, rows)
    source = source_of(conn)
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
    conn = database()
    vectors = features(900)
    rows = numbered(vectors[:600])
    add(conn, rows)
    source = source_of(conn)
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


def test_a_row_that_is_gone_from_the_source_is_never_found():
    conn = database()
    rows = numbered(features(300))
    add(conn, rows)
    upkeep.rebuild(conn, source_of(conn))
    kept = Cache()
    query = rows[(7,)]
    assert top(conn, query, 1, cache=kept) == [(7,)]
    conn.execute("delete from photos where id in (7, 8, 9)")
    left = {key: vector for key, vector in rows.items() if key[0] not in (7, 8, 9)}
    result = top_k.top_k(conn, "photos", query, 300, counted=True, cache=kept)
    assert [hit.key for hit in result.hits] == full_sort(left, query, 300)
    assert result.candidates == 297


def test_another_process_is_noticed(tmp_path):
    """A connection of its own stands for the other process: the cache hears of neither."""
    conn = database(path=tmp_path / "photos.db")
    vectors = features(400)
    add(conn, numbered(vectors[:300]))
    upkeep.rebuild(conn, source_of(conn))
    conn.commit()
    other = sqlite3.connect(tmp_path / "photos.db")
    kept = Cache()
    assert top(conn, vectors[350], 1, cache=kept) != [(350,)]
    add(other, numbered(vectors[350:], 350))
    assert top(conn, vectors[350], 1, cache=kept) == [(350,)]
    removal.forget(other, "photos")
    add(other, {(1,): vectors[5]})
    assert top(conn, vectors[350], 9, cache=kept) == [(1,)]


def test_a_backup_put_in_place_is_noticed(tmp_path):
    """Two histories from one beginning, with as many rows each: revisions tell them apart."""
    file, backup = tmp_path / "photos.db", tmp_path / "backup.db"
    vectors = features(600)
    conn = database(path=file)
    add(conn, numbered(vectors[:300]))
    upkeep.rebuild(conn, source_of(conn))
    conn.commit()
    shutil.copy(file, backup)
    other = sqlite3.connect(backup)
    add(conn, numbered(vectors[300:350], 300))
    add(other, numbered(vectors[400:450], 300))
    kept = Cache()
    assert top(conn, vectors[310], 1, cache=kept) == [(310,)]
    assert top(other, vectors[410], 1, cache=kept) == [(310,)]
    assert top(conn, vectors[310], 1, cache=kept) == [(310,)]


def test_codes_are_made_when_vectors_are_many(monkeypatch):
    monkeypatch.setattr(codes, "WHOLE_BYTES", 200 * DIMENSION * 4)
    conn = database()
    vectors = features(2000)
    add(conn, numbered(vectors[:200]))
    source = source_of(conn)
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
    conn = database()
    vectors = np.random.default_rng(5).permutation(features(4000, dimension=256))
    add(conn, numbered(vectors[:3000]))
    source = source_of(conn)
    upkeep.rebuild(conn, source)
    before = code_tables.read_state(conn, "photos")
    assert before.width < 256
    add(conn, numbered(vectors[3000:], 3000))
    upkeep.maintain(conn, source)
    assert code_tables.read_state(conn, "photos").generation == before.generation
    noise = np.random.default_rng(1).normal(size=(1500, 256)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    add(conn, numbered(noise, 4000))
    upkeep.maintain(conn, source)
    after = code_tables.read_state(conn, "photos")
    assert after.generation != before.generation
    assert (after.added, after.fitted) == (0, 5500)


def test_a_log_of_mostly_former_entries_is_rewritten():
    conn = database()
    vectors = features(1200)
    add(conn, numbered(vectors[:600]))
    source = source_of(conn)
    upkeep.rebuild(conn, source)
    for _ in range(2):
        add(conn, numbered(vectors[600:]))
    assert code_tables.read_state(conn, "photos").coded == 1800
    upkeep.maintain(conn, source)
    assert code_tables.read_state(conn, "photos").coded == 600
    assert top(conn, vectors[900], 1) == [(300,)]


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
    conn = database()
    rows = numbered(features(700))
    add(conn, rows)
    source = source_of(conn)
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


def test_finish_replaces_damaged_codes(monkeypatch):
    monkeypatch.setattr(codes, "WHOLE_BYTES", 1000)
    conn = database()
    add(conn, numbered(features(700)))
    source = source_of(conn)
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
    assert len(list(code_log.read_chunks(conn, "photos", after))) == 3


def test_two_rebuilds_at_once_leave_the_codes_of_one(monkeypatch, tmp_path):
    conn = database(path=tmp_path / "photos.db")
    rows = numbered(features(600))
    add(conn, rows)
    source = source_of(conn)
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
    conn = database(path=tmp_path / "photos.db")
    rows = numbered(features(600))
    add(conn, rows)
    source = source_of(conn)
    write = upkeep._write_codes

    def meanwhile(*arguments):
        entries = write(*arguments)
        code_tables.discard_unused(conn, "photos")
        return entries

    monkeypatch.setattr(upkeep, "_write_codes", meanwhile)
    assert not upkeep.rebuild(conn, source)
    assert code_tables.read_state(conn, "photos").generation is None
    query = features(1, seed=2)[0]
    assert top(conn, query, 20) == full_sort(rows, query, 20)


def test_a_rebuild_that_vectors_overtake_changes_nothing(monkeypatch, tmp_path):
    conn = database(path=tmp_path / "photos.db")
    vectors = features(400)
    add(conn, numbered(vectors[:300]))
    source = source_of(conn)
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


def test_memory_is_bounded_and_stated():
    budget = Budget(limit=200_000)
    conns, caches = [], []
    for seed in range(4):
        conn = database()
        add(conn, numbered(features(300, seed)))
        upkeep.rebuild(conn, source_of(conn))
        kept = Cache(budget)
        top(conn, features(1, seed)[0], 1, cache=kept)
        conns.append(conn)
        caches.append(kept)
        assert 0 < budget.held <= 200_000
    assert budget.held == sum(kept.slot("photos").bytes for kept in caches)
    assert caches[3].slot("photos").bytes
    assert not caches[0].slot("photos").bytes
    # And one that can't ever fit is read without.
    small = Cache(Budget(limit=1000))
    query = features(1, 9)[0]
    assert top(conns[0], query, 5, cache=small) == top(conns[0], query, 5)
    assert small.slot("photos").times[-1].way == "vector by vector"


def test_a_database_without_codes_that_cannot_be_written(tmp_path):
    file = tmp_path / "photos.db"
    conn = database(path=file)
    rows = numbered(features(500))
    add(conn, rows)
    upkeep.rebuild(conn, source_of(conn))
    conn.execute("drop table _revimg_photos_codes")
    conn.execute("drop table _revimg_photos_basis")
    conn.commit()
    conn.close()
    for mode in ("mode=ro", "immutable=1"):
        readonly = sqlite3.connect(f"file:{file}?{mode}", uri=True)
        query = features(1, 4)[0]
        assert top(readonly, query, 10) == full_sort(rows, query, 10)


def test_keys_pack_and_unpack():
    for keys in (
        [(1,), (-(2**63),), (2**63 - 1,)],
        [("a",), ("é'\"\\",)],
        [(1, "b", 2.5, b"\x00\xff", None), ("[", 0, 1e300, b"", "x")],
        [],
    ):
        assert code_keys.unpack(code_keys.pack(keys)) == keys
    for packed in ("[", b"1234567", "[[{}]]", 5):
        with pytest.raises(errors.CodesError):
            code_keys.unpack(packed)


def test_nan_is_refused():
    conn = database()
    add(conn, numbered(features(10)))
    with pytest.raises(top_k.RevimgError, match="not finite"):
        top(conn, np.full(DIMENSION, np.nan, np.float32), 1)


def test_threads_share_a_cache(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    conn = database(path=tmp_path / "photos.db")
    rows = numbered(features(2000))
    add(conn, rows)
    upkeep.rebuild(conn, source_of(conn))
    conn.commit()
    queries = features(16, seed=3)
    expected = [full_sort(rows, query, 5) for query in queries]
    kept = Cache()

    def ask(number: int) -> bool:
        own = sqlite3.connect(tmp_path / "photos.db")
        try:
            return top(own, queries[number % 16], 5, cache=kept) == expected[number % 16]
        finally:
            own.close()

    with ThreadPoolExecutor(8) as executor:
        assert all(executor.map(ask, range(64)))
    assert len(kept.slots()) == 1
    assert cache.PROCESS.held >= kept.slot("photos").bytes > 0
