"""Other programs that write to the database while we do: each waits for its turn."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg.embedding import pipeline
from datasette_revimg.embedding.counts import Counts
from datasette_revimg.store import (
    code_tables,
    connection,
    failed_rows,
    file_table,
    registry,
    removal,
    tables,
    upkeep,
    writing,
)
from datasette_revimg.store.tables import Table
from datasette_revimg.vectors import codes
from kit.vector_tables import add, features, numbered, photos, photos_of, top

# Longer than any of the operations takes by itself.
LONG = 0.3


@pytest.fixture(params=["wal", "delete"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a database of 700 vectors, in each kind of journal."""
    path = tmp_path / "photos.db"
    with closing(photos("path text primary key", path)) as conn:
        conn.execute(f"pragma journal_mode = {request.param}")
        conn.execute("create table other (number)")
        rows = {(f"{n}.jpg",): vector for n, vector in enumerate(features(700))}
        add(conn, rows)
        file_table.prepare(conn, "photos", False)
    return path


@contextmanager
def writer(path: Path, hold: float, pause: float = 0.0) -> Iterator[Callable[[], int]]:
    """Let another program hold the lock again and again; yield a count of its writes.

    It holds it for ``hold`` seconds from the start, once only without a ``pause``.
    """
    locked, ended = threading.Event(), threading.Event()
    count = 0

    def write() -> None:
        nonlocal count
        with closing(sqlite3.connect(path, timeout=30)) as other:
            while not ended.is_set():
                other.execute("begin immediate")
                other.execute("insert into other values (1)")
                locked.set()
                time.sleep(hold)
                other.commit()
                count += 1
                if not pause:
                    return
                ended.wait(pause)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert locked.wait(30)
        yield lambda: count
    finally:
        ended.set()
        thread.join()


def _prepare(conn: sqlite3.Connection, source: Table) -> None:
    recorded = registry.embedded(conn, source.name)
    assert recorded
    writing.prepare(conn, source, recorded)


def _start_over(conn: sqlite3.Connection, source: Table) -> None:
    conn.execute("delete from _revimg_photos where path = '5.jpg'")
    conn.commit()
    upkeep.finish(conn, source)


OPERATIONS: dict[str, Callable[[sqlite3.Connection, Table], object]] = {
    "prepare": _prepare,
    "prepare a file table": lambda conn, source: file_table.prepare(conn, "photos", True),
    "mark missing": lambda conn, source: file_table.mark_missing(conn, source, [("1.jpg",)], []),
    "move paths": lambda conn, source: file_table.move_paths(conn, source, "a/"),
    "clear failures": lambda conn, source: failed_rows.clear(conn, source, [("1.jpg",)]),
    "remove rows": lambda conn, source: removal.remove_rows(conn, source, [("1.jpg",)]),
    "remove missing": lambda conn, source: removal.remove_missing(conn, source, "path"),
    "rebuild": upkeep.rebuild,
    "finish": _start_over,
    "forget": lambda conn, source: removal.forget(conn, "photos"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_writes_waits_for_its_turn(path, operation):
    with closing(connection.connect(path)) as conn:
        source = tables.find(conn, "photos")
        with writer(path, LONG) as writes:
            OPERATIONS[operation](conn, source)
            assert writes() == 1
        assert not conn.in_transaction


def test_codes_come_into_being_while_another_program_writes_all_the_time(path, monkeypatch):
    monkeypatch.setattr(upkeep, "BATCHES", 1)
    with closing(connection.connect(path)) as conn:
        source = tables.find(conn, "photos")
        _prepare(conn, source)
        with writer(path, hold=0.05, pause=0.01):
            for _ in range(5):
                _prepare(conn, source)
                assert upkeep.rebuild(conn, source)
        state = code_tables.read_state(conn, "photos")
        assert state.coded == 700
        vectors = features(700)
        assert top(conn, vectors[3], 1) == [("3.jpg",)]


def test_others_can_write_while_codes_are_made(path, monkeypatch):
    # In the midst, between two batches, nothing is held.
    monkeypatch.setattr(upkeep, "BATCHES", 1)
    encode = codes.encode
    written = []

    def meanwhile(basis: np.ndarray, vectors: np.ndarray) -> codes.Coded:
        with closing(sqlite3.connect(path, timeout=0)) as other, other:
            other.execute("insert into other values (2)")
            written.append(len(vectors))
        return encode(basis, vectors)

    monkeypatch.setattr(codes, "encode", meanwhile)
    with closing(connection.connect(path)) as conn:
        assert upkeep.rebuild(conn, tables.find(conn, "photos"))
    assert written[-2:] == [512, 188]


def test_codes_that_cant_be_written_dont_fail_the_run(path, monkeypatch):
    monkeypatch.setattr(codes, "WHOLE_BYTES", 1000)
    with (
        closing(sqlite3.connect(path, timeout=0.1)) as conn,
        closing(sqlite3.connect(path)) as other,
    ):
        fit = codes.fit

        def locked(sample: np.ndarray, count: int) -> object:
            if not other.in_transaction:
                other.execute("begin immediate")
            return fit(sample, count)

        monkeypatch.setattr(codes, "fit", locked)
        counts = Counts()
        source, embedded = tables.find(conn, "photos"), registry.embedded(conn, "photos")
        nothing = iter(()), lambda pictures: pytest.fail("no picture"), counts
        pipeline.run(lambda work: work(conn), source, embedded, *nothing)
        assert "locked" in counts.codes_error
        other.rollback()
        monkeypatch.setattr(codes, "fit", fit)
        pipeline.run(lambda work: work(conn), source, embedded, *nothing)
        assert not counts.codes_error
        assert code_tables.read_state(conn, "photos").coded == 700


def test_an_error_takes_back_the_whole_transaction():
    conn = photos()
    add(conn, numbered(features(3)))
    source = photos_of(conn)

    def fail() -> None:
        with connection.transaction(conn):
            removal.delete_stored(conn, source, [(1,)])
            with connection.transaction(conn):
                removal.delete_stored(conn, source, [(2,)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert conn.execute("select count(*) from _revimg_photos").fetchone() == (3,)
