"""A run of ``datasette revimg embed`` that is stopped: what is finished is kept."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datasette_revimg.embedding import pipeline
from datasette_revimg.store import connection
from kit.command import error_of, run, summary, vectors
from kit.pictures import mosaic, photos_database


def test_limit_and_going_on(database):
    result = run("embed", database, "photos", "--limit", 2)
    assert summary(result.stdout).startswith("photos: 2 embedded")
    result = run("embed", database, "photos")
    assert summary(result.stdout).startswith("photos: 1 embedded, 2 unchanged")


def test_disk_full_keeps_what_was_finished(tmp_path):
    path = photos_database(tmp_path / "full.db", {n: mosaic(n) for n in range(40)})
    connect = connection.connect

    def connect_to_small_disk(*arguments, **options):
        conn = connect(*arguments, **options)
        (pages,) = conn.execute("pragma page_count").fetchone()
        conn.execute(f"pragma max_page_count = {pages + 40}")
        return conn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "connect", connect_to_small_disk)
        assert "the disk is full; what was finished is kept" in error_of("embed", path, "photos")
    kept = len(vectors(path))
    assert 0 < kept < 40
    assert kept % pipeline.BATCH_SIZE == 0
    result = run("embed", path, "photos")
    assert summary(result.stdout).startswith(f"photos: {40 - kept} embedded, {kept} unchanged")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_at_any_moment(tmp_path, how):
    path = photos_database(tmp_path / "many.db", {n: mosaic(n) for n in range(150)})
    command = [sys.executable, "-c", "from datasette_revimg.cli import revimg; revimg()"]
    process = subprocess.Popen(
        [*command, "embed", str(path), "photos"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _some_vectors(path):
        time.sleep(0.02)
    process.send_signal(how)
    _, stderr = process.communicate(timeout=60)
    kept = len(vectors(path))
    assert kept >= pipeline.BATCH_SIZE
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert f"stopped: {kept} embedded and kept" in stderr
        assert "Traceback" not in stderr
    result = run("embed", path, "photos")
    assert summary(result.stdout).startswith(f"photos: {150 - kept} embedded, {kept} unchanged")


# Another program: it holds the lock for some seconds, and then again and again for 50 ms.
WRITER = """
import sqlite3, sys, time
conn = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
for seconds in [3] + [0.05] * 10_000:
    conn.execute("begin immediate")
    print(flush=True)
    time.sleep(seconds)
    conn.execute("commit")
    time.sleep(0.01)
"""


def test_a_program_that_writes_all_the_time_is_waited_for(database):
    run("embed", database, "photos", "--limit", 1)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, database], stdout=subprocess.PIPE)
    with writer:
        assert writer.stdout
        writer.stdout.readline()
        try:
            result = run("embed", database, "photos", "--batch-size", 1)
        finally:
            writer.kill()
    assert summary(result.stdout).startswith("photos: 2 embedded, 1 unchanged")


def _some_vectors(path: Path) -> bool:
    try:
        return bool(vectors(path))
    except (sqlite3.OperationalError, ValueError):
        return False
