"""What a cache keeps in memory, and when it reads again."""

from __future__ import annotations

import shutil
import sqlite3

from datasette_revimg.search import cache
from datasette_revimg.search.cache import Budget, Cache
from datasette_revimg.store import removal, upkeep
from kit.vector_tables import add, features, full_sort, numbered, photos, photos_of, top


def test_another_process_is_noticed(tmp_path):
    """A connection of its own stands for the other process: the cache hears of neither."""
    conn = photos(path=tmp_path / "photos.db")
    vectors = features(400)
    add(conn, numbered(vectors[:300]))
    upkeep.rebuild(conn, photos_of(conn))
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
    conn = photos(path=file)
    add(conn, numbered(vectors[:300]))
    upkeep.rebuild(conn, photos_of(conn))
    conn.commit()
    shutil.copy(file, backup)
    other = sqlite3.connect(backup)
    add(conn, numbered(vectors[300:350], 300))
    add(other, numbered(vectors[400:450], 300))
    kept = Cache()
    assert top(conn, vectors[310], 1, cache=kept) == [(310,)]
    assert top(other, vectors[410], 1, cache=kept) == [(310,)]
    assert top(conn, vectors[310], 1, cache=kept) == [(310,)]


def test_memory_is_bounded_and_stated():
    budget = Budget(limit=200_000)
    conns, caches = [], []
    for seed in range(4):
        conn = photos()
        add(conn, numbered(features(300, seed)))
        upkeep.rebuild(conn, photos_of(conn))
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


def test_threads_share_a_cache(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    conn = photos(path=tmp_path / "photos.db")
    rows = numbered(features(2000))
    add(conn, rows)
    upkeep.rebuild(conn, photos_of(conn))
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
