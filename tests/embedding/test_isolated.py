"""``embed --isolate``: a picture that can't be decoded within its limits costs itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from datasette_revimg.pictures import opening, pool
from datasette_revimg.pictures.isolated import Limits
from kit.bombs import flat_jp2
from kit.command import run, summary, vectors
from kit.pictures import mosaic, photos_database

SLOW = 5


@pytest.fixture
def with_a_slow_one(tmp_path):
    """A database of pictures, and among them some kilobytes that take seconds and 500 MB."""
    pictures = {number: mosaic(number) for number in range(1, 11)}
    pictures[SLOW] = flat_jp2(5500)
    return photos_database(tmp_path / "photos.db", pictures)


def failures(path):
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("select pk, reason from _revimg_failures").fetchall()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(cpu_seconds=0.25), "it takes more than 0.25 seconds to decode"),
        (Limits(memory_bytes=150 << 20), "too large: it needs too much memory to decode"),
    ],
)
def test_what_costs_too_much_costs_one_picture(with_a_slow_one, limits, reason, monkeypatch):
    monkeypatch.setattr(pool, "Limits", lambda: limits)
    result = run("embed", with_a_slow_one, "photos", "--isolate", "--threads", "3")
    assert summary(result.stdout) == "photos: 9 embedded, 0 unchanged, 1 failed, 0 removed"
    assert failures(with_a_slow_one) == [(f"[{SLOW}]", reason)]
    assert f"photos {SLOW}: {reason}" in result.stderr


def test_the_same_vectors(database):
    run("embed", database, "photos")
    before = vectors(database)
    result = run("embed", database, "photos", "--replace", "--isolate")
    assert summary(result.stdout).startswith(f"photos: {len(before)} embedded")
    after = vectors(database)
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_no_header_is_read_here(tmp_path, monkeypatch):
    """Nor to find the column of pictures, which nobody has named."""

    def read_here(*_, **__):
        raise AssertionError("a stranger's bytes were opened in this process")

    monkeypatch.setattr(opening, "open_picture", read_here)
    database = photos_database(tmp_path / "photos.db", {1: mosaic(1), 2: b"no picture"})
    result = run("embed", database, "photos", "--isolate")
    assert summary(result.stdout) == "photos: 1 embedded, 0 unchanged, 1 failed, 0 removed"
    with closing(sqlite3.connect(database)) as conn:
        assert conn.execute("select column_name from _revimg_tables").fetchall() == [("image",)]
