"""The files that the latest run over a table's folders passed over, by kind.

``_revimg_meta`` has a row for each table: kinds of pictures and their numbers, as JSON.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from . import version
from .connection import transaction
from .sql import fold_name


def write(conn: sqlite3.Connection, table: str, counts: Mapping[str, int]) -> None:
    """Record, in a transaction, how many files of each kind were skipped; none deletes that."""
    with transaction(conn):
        delete(conn, table)
        if counts:
            conn.execute(
                f"insert into {version.META} (name, value) values (?, ?)",
                [_name(table), json.dumps(counts)],
            )


def read(conn: sqlite3.Connection, table: str) -> dict[str, int]:
    """Return how many files of each kind were skipped; none where nothing sensible is recorded."""
    if not version.stored(conn):
        return {}
    row = conn.execute(
        f"select value from {version.META} where name = ?", [_name(table)]
    ).fetchone()
    try:
        counts = json.loads(row[0]) if row else {}
    except (TypeError, ValueError):
        return {}
    if not isinstance(counts, dict):
        return {}
    return {kind: count for kind, count in counts.items() if isinstance(count, int)}


def delete(conn: sqlite3.Connection, table: str) -> None:
    """Delete, within a transaction, what is recorded for a table."""
    if version.stored(conn):
        conn.execute(f"delete from {version.META} where name = ?", [_name(table)])


def _name(table: str) -> str:
    return f"skipped {fold_name(table)}"
