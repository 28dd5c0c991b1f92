"""The disk is full, or a file may not grow: what is stored stays, and the next run goes on.

There is no disk to fill, so the process that writes may not make files larger than some bytes. To
SQLite that is a write that fails, as on a full disk. ``tests/embedding/test_stopped.py`` has the
error that SQLite gives a full disk itself.
"""

from __future__ import annotations

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
