"""Rows as a table of text that isn't wider than it may be."""

import json
import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.cli.listing import listing, terminal_width
from kit.command import run

ROW = {"score": 0.75, "path": "a/b.jpg", "words": "long " * 40, "size": 12, "none": None}


@pytest.mark.parametrize("width", [40, 60, 100, 1000])
def test_never_wider(width):
    table, left_out = listing([ROW, {"score": 0.5, "path": "c", "size": 123456}], width, 2)
    lines = table.splitlines()
    assert max(map(len, lines)) <= width
    assert not left_out
    assert lines[0].split() == list(ROW)
    assert lines[2].startswith("0.7500  a/b.jpg  long")
    assert ("…" in table) == (width < 200)
    # Numbers end where the widest one ends.
    assert lines[2].index("    12") + 6 == lines[3].index("123456") + 6


def test_keys_are_whole_and_the_last_columns_give_way():
    row = {"score": 0.5, "path": "x" * 30, "a": "a" * 20, "b": "b" * 20}
    table, left_out = listing([row], 50, 2)
    assert "x" * 30 in table
    assert "aaaaaaa…" in table
    assert left_out == ["b"]
    table, left_out = listing([row], 40, 2)
    assert left_out == ["a", "b"]
    # Longer than the table is wide: nothing else helps.
    table, _ = listing([{"score": 0.5, "path": "x" * 80}], 40, 2)
    assert table.splitlines()[-1] == f"0.5000  {'x' * 31}…"


def test_wide_characters_and_those_that_a_terminal_obeys():
    table, _ = listing([{"a": "日本" * 10, "b": 1}, {"a": "x\x1b[2J\ny", "b": 22}], 24, 0)
    first, second = table.splitlines()[2:]
    # Each of these characters is two columns wide.
    assert first == "日本日本日本日本日…" + " " + "  " + " 1"
    assert second == "x\\x1b[2J y".ljust(20) + "  22"


def test_width_of_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert terminal_width() == 72


def test_similar_is_cut_only_as_a_table(copy):
    with closing(sqlite3.connect(copy)) as conn, conn:
        conn.execute("alter table shapes add column story text")
        conn.execute("update shapes set story = ?", ["once " * 60])
    query = ["similar", copy, "shapes", "red disc"]
    result = run(*query, "--width", 80)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "once once…" in result.stdout or "once o…" in result.stdout
    assert "red disc, moved more" in result.stdout
    assert ("once " * 60).strip() in run(*query, "--width", 1000).stdout
    assert json.loads(run(*query, "--format", "json").stdout)[0]["story"] == "once " * 60
    assert "once " * 60 in run(*query, "--format", "csv").stdout


def test_columns_of_similar(database):
    query = ["similar", database, "shapes", "red disc", "-n", 1]
    rows = json.loads(run(*query, "-c", "shape", "--format", "json").stdout)
    assert list(rows[0]) == ["score", "percentile", "tier", "id", "shape"]
    result = run(*query, "-c", "colours", status=1)
    assert "'shapes' has no column 'colours'; it has id, " in result.stderr
