"""Databases as another version of this program leaves them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

NEWER = 1000


def make_newer(file: Path) -> Path:
    """Let a database be one that a later version has embedded."""
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("update _revimg_meta set value = ? where name = 'version'", [NEWER])
    return file


def without_version(file: Path) -> Path:
    """Let a database be one of the time before there were versions, with today's codes."""
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("drop table _revimg_meta")
    return file


def content(file: Path) -> list[str]:
    """Return everything in a database, as the SQL that makes it again; it must be whole."""
    with closing(sqlite3.connect(file)) as conn:
        assert conn.execute("pragma integrity_check").fetchone() == ("ok",)
        return list(conn.iterdump())
