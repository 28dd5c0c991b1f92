"""Samples of a table's rows, for the matrix and the map."""

from __future__ import annotations

import sqlite3

from datasette_revimg.overview import sample
from datasette_revimg.store import tables
from kit.geometry import ANGLES


def test_sample_says_so_and_is_the_same_again(data):
    with sqlite3.connect(data) as conn:
        source = tables.find(conn, "photos")
        whole = sample.sample_rows(conn, source, 12)
        assert [key for (key,) in whole.keys] == sorted(ANGLES)
        assert not whole.is_part
        assert str(whole) == "12 rows"
        part = sample.sample_rows(conn, source, 5)
        assert part.is_part
        assert str(part) == "5 of 12 rows, a random sample"
        assert len(set(part.keys)) == 5
        assert part.keys == sorted(part.keys)
        assert set(part.keys) < set(whole.keys)
        assert part == sample.sample_rows(conn, source, 5)
        assert sample.sample_rows(conn, source, 12, "id > ?", [4]).total == 8


def test_version_changes_with_the_vectors_and_with_nothing_else(data):
    with sqlite3.connect(data) as conn:
        source = tables.find(conn, "photos")
        before = sample.sample_rows(conn, source, 12).version
        conn.execute("update photos set title = 'other'")
        assert sample.sample_rows(conn, source, 12).version == before
        conn.execute("update _revimg_photos set content_hash = x'01' where id = 3")
        changed = sample.sample_rows(conn, source, 12).version
        assert changed != before
        conn.execute("delete from photos where id = 3")
        assert sample.sample_rows(conn, source, 12).version not in (before, changed)
        assert sample.sample_rows(conn, source, 12).total == 11
