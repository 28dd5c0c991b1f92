"""The tables: which tables are embedded, what is stored for their rows, and failures.

What writes a vector, a thumbnail or a failure lives here; ``reading`` reads vectors, and
``code_tables`` keeps the codes. Functions take a plain sqlite3 connection,
so that they serve the command line, Datasette's threads and a reader's own scripts alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlite_utils

from ..errors import RevimgError
from ..keys import Key, key_json
from ..vectors.cosine import VECTOR_DTYPE
from . import code_log, code_tables
from .reading import hashes
from .registry import (
    FAILURES,
    REGISTRY,
    EmbeddedTable,
    check_names,
    embedded,
    embedded_tables,
    existing_keyed_tables,
    labels_table,
    own_tables,
    thumbnails_table,
    vectors_table,
)
from .schema import exists
from .sql import placeholders, quote
from .tables import Table, key_subquery


@dataclass(frozen=True)
class Embedding:
    """What is stored for a row: its vector float32 (D,), thumbnail and the picture's size, and
    with ``labels`` its classes and their probabilities."""

    key: Key
    embedding: np.ndarray
    content_hash: bytes
    thumbnail: bytes
    width: int
    height: int
    labels: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Failure:
    """Why a row has no up-to-date vector. ``stale``: a vector of its former picture must go."""

    key: Key
    reason: str
    stale: bool = False


def prepare(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, labels: bool = False
) -> None:
    """Create the tables for ``source`` where they are missing, and record ``entry``."""
    check_names(conn, source, labels)
    database = sqlite_utils.Database(conn, execute_plugins=False)
    keys = ", ".join(f"{quote(name)} {declared}".strip() for name, declared in source.stored_keys)
    primary_key = ", ".join(quote(name) for name, _ in source.stored_keys)
    with database.atomic():
        conn.execute(
            f"create table if not exists {REGISTRY} (table_name text primary key, "
            "column_name text, kind text, base_dir text, model text, weights_sha256 text, "
            "dimension integer, preprocessing text, updated text)"
        )
        conn.execute(
            f"create table if not exists {FAILURES} "
            "(table_name text, pk text, reason text, at text, primary key (table_name, pk))"
        )
        conn.execute(
            f"create table if not exists {quote(vectors_table(source.name))} "
            f"({keys}, embedding blob not null, content_hash blob, primary key ({primary_key}))"
        )
        conn.execute(
            f"create table if not exists {quote(thumbnails_table(source.name))} "
            f"({keys}, thumbnail blob, width integer, height integer, primary key ({primary_key}))"
        )
        if labels:
            # The second index finds all pictures of a label. As a constraint it needs no name,
            # which might be that of somebody's table.
            conn.execute(
                f"create table if not exists {quote(labels_table(source.name))} "
                f"({keys}, label text, score real, "
                f"primary key ({primary_key}, label), unique (label, {primary_key}))"
            )
        code_tables.create(conn, source.name)
        database.table(REGISTRY).upsert({**asdict(embedded), "updated": now()}, pk="table_name")


def write(
    conn: sqlite3.Connection,
    source: Table,
    entries: Sequence[Embedding],
    failures: Sequence[Failure],
    rows: Sequence[dict[str, Any]] = (),
) -> None:
    """Store one finished batch in one transaction.

    ``rows`` are upserted into the source table itself, which only a table made from files asks
    for.
    """
    database = sqlite_utils.Database(conn, execute_plugins=False)
    with database.atomic():
        # First, because it takes the lock: what has only read so far can't wait for its turn.
        conn.execute(
            f"update {REGISTRY} set updated = ? where table_name = ?", [now(), source.name]
        )
        for row in rows:
            # One by one: upsert_all would set what one row lacks and another has to NULL.
            database.table(source.name).upsert(row, pk=source.key_columns)
        width = len(source.stored_keys)
        keys = [embedded.key for embedded in entries]
        replaced = len(hashes(conn, source, keys))
        vectors = np.array([embedded.embedding for embedded in entries], VECTOR_DTYPE)
        conn.executemany(
            f"insert or replace into {quote(vectors_table(source.name))} "
            f"values ({placeholders(width + 2)})",
            [
                (*embedded.key, vector.tobytes(), embedded.content_hash)
                for embedded, vector in zip(entries, vectors, strict=True)
            ],
        )
        conn.executemany(
            f"insert or replace into {quote(thumbnails_table(source.name))} "
            f"values ({placeholders(width + 3)})",
            [
                (*embedded.key, embedded.thumbnail, embedded.width, embedded.height)
                for embedded in entries
            ],
        )
        _write_labels(conn, source, entries)
        _clear_failures(conn, source, keys)
        conn.executemany(
            f"insert or replace into {FAILURES} values (?, ?, ?, ?)",
            [(source.name, key_json(failure.key), failure.reason, now()) for failure in failures],
        )
        removed = _delete(conn, source, [failure.key for failure in failures if failure.stale])
        change = len(keys) - replaced - len(removed)
        code_log.record(conn, source.name, keys, vectors, removed, change)


def _write_labels(conn: sqlite3.Connection, source: Table, entries: Sequence[Embedding]) -> None:
    """In place of the former ones, which go too where no new ones were asked for."""
    table = labels_table(source.name)
    if not exists(conn, table):
        return
    stored = " and ".join(f"{quote(name)} = ?" for name, _ in source.stored_keys)
    conn.executemany(
        f"delete from {quote(table)} where {stored}", [embedded.key for embedded in entries]
    )
    conn.executemany(
        f"insert into {quote(table)} values ({placeholders(len(source.stored_keys) + 2)})",
        [(*embedded.key, label, score) for embedded in entries for label, score in embedded.labels],
    )


def remove_rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    """Delete rows of the source and what is stored for them, in one transaction.

    Only for a table made from files, of files that are gone.
    """
    condition = " and ".join(f"{quote(name)} = ?" for name in source.key_columns)
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        conn.executemany(f"delete from {quote(source.name)} where {condition}", keys)
        removed = _delete(conn, source, keys)
        _record_removed(conn, source, removed)
        _clear_failures(conn, source, keys)


def remove_missing(conn: sqlite3.Connection, source: Table, column: str) -> int:
    """Delete what is stored for rows that are gone from the source, or whose picture is.

    Returns for how many there was a vector.
    """
    stored = ", ".join(quote(name) for name, _ in source.stored_keys)
    # One NULL among the keys, and SQL's "not in" is never true.
    present = " and ".join(f"{quote(name)} is not null" for name in (*source.key_columns, column))
    gone = f"({stored}) not in {key_subquery(source, present)}"
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        conn.execute(f"delete from {FAILURES} where table_name = ?", [source.name])
        removed = conn.execute(
            f"select {stored} from {quote(vectors_table(source.name))} where {gone}"
        ).fetchall()
        for name in existing_keyed_tables(conn, source.name):
            conn.execute(f"delete from {quote(name)} where {gone}")
        _record_removed(conn, source, removed)
    return len(removed)


def clear_failures(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    """Forget that these rows have failed: they are about to be tried again."""
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        _clear_failures(conn, source, keys)


def forget(conn: sqlite3.Connection, table: str) -> None:
    """Delete everything that was computed for a table; the table itself stays as it is."""
    known = embedded(conn, table)
    if known is None:
        raise RevimgError(f"{table!r} is not embedded, there is nothing to forget")
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        for name in own_tables(known.table_name):
            conn.execute(f"drop table if exists {quote(name)}")
        conn.execute(f"delete from {FAILURES} where table_name = ?", [known.table_name])
        conn.execute(f"delete from {REGISTRY} where table_name = ?", [known.table_name])
        if not embedded_tables(conn):
            conn.execute(f"drop table {REGISTRY}")
            conn.execute(f"drop table {FAILURES}")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _record_removed(conn: sqlite3.Connection, source: Table, removed: Sequence[Key]) -> None:
    if removed:
        none = np.empty((0, 0), VECTOR_DTYPE)
        code_log.record(conn, source.name, (), none, removed, -len(removed))


def _delete(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[Key]:
    """Returns the keys for which there was a vector."""
    removed = list(hashes(conn, source, keys))
    stored = " and ".join(f"{quote(name)} = ?" for name, _ in source.stored_keys)
    for name in existing_keyed_tables(conn, source.name):
        conn.executemany(f"delete from {quote(name)} where {stored}", keys)
    return removed


def _clear_failures(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    conn.executemany(
        f"delete from {FAILURES} where table_name = ? and pk = ?",
        [(source.name, key_json(key)) for key in keys],
    )
