"""Other programs write to the database while ``embed`` does: short locks and one that never ends.

The same run, started twice, is one of them. ``tests/store/test_locks.py`` has each operation alone.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from faults.runs import KINDS, PICTURES, finish, prepare, refusal, start, stored

# It waits long enough for the other programs of a test, short enough to wait for; and it is so slow
# that it can't have ended before the other program has its lock.
IMPATIENT = """
import time
from datasette_revimg.store import connection
connection.BUSY_SECONDS = 0.5
transaction = connection.transaction
def slow_transaction(*arguments, **options):
    time.sleep(0.2)
    return transaction(*arguments, **options)
connection.transaction = slow_transaction
"""


@contextmanager
def writing_all_the_time(database: Path) -> Iterator[list[int]]:
    """Insert rows into another table, and hold each lock for a while; yield those inserted."""
    inserted: list[int] = []
    ended = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=60)) as other:
            while not ended.wait(0.02):
                other.execute("begin immediate")
                other.execute("insert into other values (?)", [len(inserted)])
                time.sleep(0.03)
                other.commit()
                inserted.append(len(inserted))

    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("create table other (number)")
    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield inserted
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_program_that_writes_all_the_time(tmp_path, whole_run, kind):
    expected, _ = whole_run(kind)
    database = prepare(tmp_path, kind)
    with writing_all_the_time(database) as inserted:
        assert f"{PICTURES} embedded, 0 unchanged, 0 failed" in finish(database, kind)
        assert inserted
    assert stored(database) == expected
    with closing(sqlite3.connect(database)) as conn:
        numbers = [number for (number,) in conn.execute("select number from other")]
    assert numbers == inserted


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_lock_that_is_never_given_back(tmp_path, whole_run, kind):
    expected, _ = whole_run(kind)
    database = prepare(tmp_path, kind)
    with closing(sqlite3.connect(database, timeout=60)) as other:
        process = start(database, kind, IMPATIENT)
        while process.poll() is None and not _some_rows(other):
            time.sleep(0.01)
        other.execute("begin immediate")
        line = refusal(process)
        assert f"{database} is locked by another program: close it" in line
        other.rollback()
    rows = stored(database)
    assert 0 < len(rows) < PICTURES
    assert all(expected[key] == value for key, value in rows.items())
    finish(database, kind)
    assert stored(database) == expected


def _some_rows(conn: sqlite3.Connection) -> bool:
    try:
        return conn.execute("select 1 from _revimg_photos limit 1").fetchone() is not None
    except sqlite3.OperationalError:
        return False


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_same_run_twice_at_once(tmp_path, whole_run, kind):
    expected, _ = whole_run(kind)
    database = prepare(tmp_path, kind)
    for process in [start(database, kind), start(database, kind)]:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        assert "0 failed, 0 removed" in output
    assert stored(database) == expected
    assert f"0 embedded, {PICTURES} unchanged, 0 failed" in finish(database, kind)
