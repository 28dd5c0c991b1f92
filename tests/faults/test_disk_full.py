"""The disk is full, or a file may not grow: what is stored stays, and the next run goes on.

Few machines have a disk to fill, so the process that writes may not make files larger than some
bytes: to SQLite that is a write that fails, as on a full disk. Where a disk in memory may be
mounted, that one is filled too.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from faults.runs import KINDS, finish, prepare, refusal, start, stored

pytest.importorskip("resource", reason="no limits on this platform")

LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_files_that_may_not_grow(tmp_path, whole_run, kind):
    expected, size = whole_run(kind)
    database = prepare(tmp_path, kind)
    # SQLite's index of a log has 32 KB; less is no room for anything.
    smallest = database.stat().st_size + 40_000
    before: set[object] = set()
    for share in (0.2, 0.5, 0.8):
        limit = int(smallest + share * (size - smallest))
        line = refusal(start(database, kind, LIMITED.format(limit)))
        assert str(database) in line
        assert "what was finished is kept: free some space" in line
        rows = stored(database)
        assert all(expected[key] == value for key, value in rows.items())
        assert before <= rows.keys()
        before = set(rows)
    assert 0 < len(before) < len(expected)
    finish(database, kind)
    assert stored(database) == expected
    assert f"0 embedded, {len(expected)} unchanged, 0 failed" in finish(database, kind)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 MB in memory; making one is for the administrator of a machine alone."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("kind", [KINDS[1], KINDS[3]], ids=str)
def test_a_disk_that_is_full(small_disk, whole_run, kind):
    expected, size = whole_run(kind)
    database = prepare(small_disk, kind)
    room = 40_000 + (size - database.stat().st_size) // 2
    rest = small_disk / "rest"
    with rest.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(small_disk).free - room)
    line = refusal(start(database, kind))
    assert str(database) in line
    assert "full" in line
    assert "what was finished is kept: free some space" in line
    rest.unlink()
    rows = stored(database)
    assert len(rows) < len(expected)
    assert all(expected[key] == value for key, value in rows.items())
    finish(database, kind)
    assert stored(database) == expected
