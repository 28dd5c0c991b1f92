"""The table ``_revimg_failures``: rows that could not be embedded, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from ..keys import Key, key_json
from .connection import transaction
from .schema import exists
from .sql import now
from .tables import Table

FAILURES = "_revimg_failures"


def create(conn: sqlite3.Connection) -> None:
    """Create the table where it is missing."""
    conn.execute(
        f"create table if not exists {FAILURES} "
        "(table_name text, pk text, reason text, at text, primary key (table_name, pk))"
    )


def read(conn: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """Return (key as JSON, reason) of every row that could not be embedded, in order."""
    if not exists(conn, FAILURES):
        return []
    return conn.execute(
        f"select pk, reason from {FAILURES} where table_name = ? order by pk", [table]
    ).fetchall()


def clear(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    """Forget, in a transaction, that these rows have failed: they are about to be tried again."""
    with transaction(conn):
        delete(conn, source.name, keys)


def add(conn: sqlite3.Connection, table: str, reasons: Iterable[tuple[Key, str]]) -> None:
    """Record, within a transaction, why rows have failed."""
    at = now()
    conn.executemany(
        f"insert or replace into {FAILURES} (table_name, pk, reason, at) values (?, ?, ?, ?)",
        [(table, key_json(key), reason, at) for key, reason in reasons],
    )


def delete(conn: sqlite3.Connection, table: str, keys: Iterable[Key]) -> None:
    """Delete, within a transaction, the records of these rows."""
    conn.executemany(
        f"delete from {FAILURES} where table_name = ? and pk = ?",
        [(table, key_json(key)) for key in keys],
    )


def delete_all(conn: sqlite3.Connection, table: str) -> None:
    """Delete, within a transaction, the records of a table's rows."""
    if exists(conn, FAILURES):
        conn.execute(f"delete from {FAILURES} where table_name = ?", [table])
