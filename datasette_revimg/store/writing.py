"""The tables: which tables are embedded, what is stored for their rows, and failures.

What writes a vector, a thumbnail or a failure lives here; ``reading`` reads vectors, and
``code_tables`` keeps the codes. Functions take a plain sqlite3 connection,
so that they serve the command line, Datasette's threads and a reader's own scripts alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlite_utils

from ..errors import RevimgError
from ..keys import Key, key_json
from . import code_log as code_tables
from .tables import PREFIX, Source, exists, find, fold, marks, only, quote, subquery

REGISTRY = "_revimg_tables"
FAILURES = "_revimg_failures"

# Little-endian float32: the bytes that llm and sqlite-vec keep too.
VECTOR_DTYPE = np.dtype("<f4")

# How long to wait for another program's write to end before calling the database locked.
BUSY_SECONDS = 15.0

_OWN_COLUMNS = {"embedding", "content_hash", "thumbnail", "width", "height"}
_LABEL_COLUMNS = {"label", "score"}


@dataclass(frozen=True)
class Embedded:
    """A row of ``_revimg_tables``: an embedded table and where its vectors come from.

    ``kind`` is ``blob`` (``column_name`` holds the pictures) or ``path`` (it holds their paths).
    ``base_dir`` is relative to the database's folder where it can be, so that a database and
    its pictures can move together.
    """

    table_name: str
    column_name: str
    kind: str
    base_dir: str | None
    model: str
    weights_sha256: str
    dimension: int
    preprocessing: str
    updated: str | None = None


@dataclass(frozen=True)
class Entry:
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


def vectors_table(table: str) -> str:
    return PREFIX + table


def thumbnails_table(table: str) -> str:
    return f"{PREFIX}{table}_thumbnails"


def labels_table(table: str) -> str:
    return f"{PREFIX}{table}_labels"


def own_tables(table: str) -> tuple[str, ...]:
    """The tables that hold what was computed for ``table`` alone; that of the labels exists only
    where they were asked for."""
    return (
        *_keyed_tables(table),
        code_tables.codes_table(table),
        code_tables.basis_table(table),
    )


def _keyed_tables(table: str) -> tuple[str, ...]:
    """Those that have the table's own key."""
    return vectors_table(table), thumbnails_table(table), labels_table(table)


def _existing_keyed_tables(conn: sqlite3.Connection, table: str) -> list[str]:
    return [name for name in _keyed_tables(table) if exists(conn, name)]


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a database file. RevimgError when it isn't there, can't be read or isn't SQLite."""
    if not create and not path.is_file():
        raise RevimgError(f"{path}: there is no such database file")
    try:
        conn = sqlite3.connect(path, timeout=BUSY_SECONDS)
        conn.execute("select count(*) from sqlite_master")
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return conn


def translated(error: sqlite3.Error, path: Path) -> RevimgError:
    """SQLite's error as a sentence that names the file and the way out."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    match code & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return RevimgError(f"{path} is not a SQLite database")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return RevimgError(f"{path} is locked by another program: end it, then run this again")
        case sqlite3.SQLITE_READONLY:
            return RevimgError(f"{path} is read-only: change its permissions, or work on a copy")
        case sqlite3.SQLITE_FULL:
            return RevimgError(
                f"{path}: the disk is full; what was finished is kept, run this again when there "
                "is room"
            )
        case sqlite3.SQLITE_CORRUPT:
            return RevimgError(f"{path} is damaged: restore it, or try sqlite3's .recover")
        case sqlite3.SQLITE_CANTOPEN:
            return RevimgError(f"{path} can't be opened: {error}")
    return RevimgError(f"{path}: {error}")


def embedded_tables(conn: sqlite3.Connection) -> list[Embedded]:
    """Every embedded table of the database, by name."""
    if not exists(conn, REGISTRY):
        return []
    columns = [field.name for field in fields(Embedded)]
    rows = conn.execute(
        f"select {', '.join(columns)} from {REGISTRY} order by table_name"
    ).fetchall()
    return [Embedded(*row) for row in rows]


def embedded(conn: sqlite3.Connection, table: str) -> Embedded | None:
    """The record of one embedded table, or None when it has not been embedded."""
    return next(
        (entry for entry in embedded_tables(conn) if fold(entry.table_name) == fold(table)),
        None,
    )


def prepare(
    conn: sqlite3.Connection, source: Source, entry: Embedded, labels: bool = False
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
        database.table(REGISTRY).upsert({**asdict(entry), "updated": now()}, pk="table_name")


def check_names(conn: sqlite3.Connection, source: Source, labels: bool = False) -> None:
    """RevimgError when the tables for ``source`` can't have their names, or its key columns."""
    keys = {fold(name) for name, _ in source.stored_keys}
    clash = _OWN_COLUMNS & keys
    if clash:
        raise RevimgError(
            f"{source.name!r} has a key column named {clash.pop()!r}, which the table of its "
            "vectors needs itself: rename that column, or embed a copy of the table"
        )
    clash = _LABEL_COLUMNS & keys
    if labels and clash:
        raise RevimgError(
            f"{source.name!r} has a key column named {clash.pop()!r}, which the table of its "
            "labels needs itself: rename that column, or embed without --labels"
        )
    others = {REGISTRY, FAILURES}
    for entry in embedded_tables(conn):
        if fold(entry.table_name) != fold(source.name):
            others.update(map(fold, own_tables(entry.table_name)))
    taken = others.intersection(map(fold, own_tables(source.name)))
    if taken:
        raise RevimgError(
            f"{source.name!r} can't be embedded under this name, {taken.pop()!r} is taken: "
            "rename the table, or embed a copy of it"
        )


def write(
    conn: sqlite3.Connection,
    source: Source,
    entries: Sequence[Entry],
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
        keys = [entry.key for entry in entries]
        replaced = len(hashes(conn, source, keys))
        vectors = np.array([entry.embedding for entry in entries], VECTOR_DTYPE)
        conn.executemany(
            f"insert or replace into {quote(vectors_table(source.name))} "
            f"values ({marks(width + 2)})",
            [
                (*entry.key, vector.tobytes(), entry.content_hash)
                for entry, vector in zip(entries, vectors, strict=True)
            ],
        )
        conn.executemany(
            f"insert or replace into {quote(thumbnails_table(source.name))} "
            f"values ({marks(width + 3)})",
            [(*entry.key, entry.thumbnail, entry.width, entry.height) for entry in entries],
        )
        _write_labels(conn, source, entries)
        _clear_failures(conn, source, keys)
        conn.executemany(
            f"insert or replace into {FAILURES} values (?, ?, ?, ?)",
            [(source.name, key_json(failure.key), failure.reason, now()) for failure in failures],
        )
        removed = _delete(conn, source, [failure.key for failure in failures if failure.stale])
        change = len(keys) - replaced - len(removed)
        code_tables.record(conn, source.name, keys, vectors, removed, change)


def _write_labels(conn: sqlite3.Connection, source: Source, entries: Sequence[Entry]) -> None:
    """In place of the former ones, which go too where no new ones were asked for."""
    table = labels_table(source.name)
    if not exists(conn, table):
        return
    stored = " and ".join(f"{quote(name)} = ?" for name, _ in source.stored_keys)
    conn.executemany(f"delete from {quote(table)} where {stored}", [entry.key for entry in entries])
    conn.executemany(
        f"insert into {quote(table)} values ({marks(len(source.stored_keys) + 2)})",
        [(*entry.key, label, score) for entry in entries for label, score in entry.labels],
    )


def remove_rows(conn: sqlite3.Connection, source: Source, keys: Sequence[Key]) -> None:
    """Delete rows of the source and what is stored for them, in one transaction.

    Only for a table made from files, of files that are gone.
    """
    condition = " and ".join(f"{quote(name)} = ?" for name in source.key_columns)
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        conn.executemany(f"delete from {quote(source.name)} where {condition}", keys)
        removed = _delete(conn, source, keys)
        _record_removed(conn, source, removed)
        _clear_failures(conn, source, keys)


def remove_missing(conn: sqlite3.Connection, source: Source, column: str) -> int:
    """Delete what is stored for rows that are gone from the source, or whose picture is.

    Returns for how many there was a vector.
    """
    stored = ", ".join(quote(name) for name, _ in source.stored_keys)
    # One NULL among the keys, and SQL's "not in" is never true.
    present = " and ".join(f"{quote(name)} is not null" for name in (*source.key_columns, column))
    gone = f"({stored}) not in {subquery(source, present)}"
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        conn.execute(f"delete from {FAILURES} where table_name = ?", [source.name])
        removed = conn.execute(
            f"select {stored} from {quote(vectors_table(source.name))} where {gone}"
        ).fetchall()
        for name in _existing_keyed_tables(conn, source.name):
            conn.execute(f"delete from {quote(name)} where {gone}")
        _record_removed(conn, source, removed)
    return len(removed)


def clear_failures(conn: sqlite3.Connection, source: Source, keys: Sequence[Key]) -> None:
    """Forget that these rows have failed: they are about to be tried again."""
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        _clear_failures(conn, source, keys)


def move_paths(conn: sqlite3.Connection, source: Source, prefix: str) -> None:
    """Put ``prefix`` before every path of a table made from files, in one transaction."""
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        for name in (source.name, *_existing_keyed_tables(conn, source.name)):
            # SQLite checks each row at once: a path may become what another one still is. No
            # path begins with a slash, so that in between they are out of each other's way.
            conn.execute(f"update {quote(name)} set path = '/' || path")
            conn.execute(f"update {quote(name)} set path = ? || substr(path, 2)", [prefix])
        # They name the rows by their paths.
        code_tables.start_over(conn, source.name)
        conn.execute(f"delete from {FAILURES} where table_name = ?", [source.name])


def forget(conn: sqlite3.Connection, table: str) -> None:
    """Delete everything that was computed for a table; the table itself stays as it is."""
    entry = embedded(conn, table)
    if entry is None:
        raise RevimgError(f"{table!r} is not embedded, there is nothing to forget")
    with sqlite_utils.Database(conn, execute_plugins=False).atomic():
        for name in own_tables(entry.table_name):
            conn.execute(f"drop table if exists {quote(name)}")
        conn.execute(f"delete from {FAILURES} where table_name = ?", [entry.table_name])
        conn.execute(f"delete from {REGISTRY} where table_name = ?", [entry.table_name])
        if not embedded_tables(conn):
            conn.execute(f"drop table {REGISTRY}")
            conn.execute(f"drop table {FAILURES}")


def hashes(
    conn: sqlite3.Connection, source: Source, keys: Sequence[Key], labelled: bool = False
) -> dict[Key, bytes]:
    """The content hash of each of the rows that has a vector, and labels where it must be
    ``labelled``."""
    stored = ", ".join(quote(name) for name, _ in source.stored_keys)
    values = ", ".join(f"?{number}" for number, _ in enumerate(source.stored_keys, start=1))
    condition = f"where ({stored}) = ({values})"
    query = f"select content_hash from {quote(vectors_table(source.name))} {condition}"
    if labelled:
        query += f" and exists (select 1 from {quote(labels_table(source.name))} {condition})"
    found = {}
    for key in keys:
        row = conn.execute(query, key).fetchone()
        if row:
            found[key] = row[0]
    return found


def thumbnail(conn: sqlite3.Connection, table: str, key: Sequence[Any]) -> bytes | None:
    """A row's thumbnail as WebP, or None when the row is gone or has none."""
    user_table = find(conn, table)
    stored = ", ".join(quote(name) for name, _ in user_table.stored_keys)
    condition, parameters = only(user_table, key)
    row = conn.execute(
        f"select thumbnail from {quote(thumbnails_table(user_table.name))} "
        f"where ({stored}) in {subquery(user_table, condition)}",
        parameters,
    ).fetchone()
    return row[0] if row else None


def sizes(
    conn: sqlite3.Connection, source: Source, keys: Sequence[Key]
) -> dict[Key, tuple[int, int]]:
    """Width and height of the picture of each of the rows that has a thumbnail."""
    stored = " and ".join(f"{quote(name)} = ?" for name, _ in source.stored_keys)
    found = {}
    for key in keys:
        row = conn.execute(
            f"select width, height from {quote(thumbnails_table(source.name))} where {stored}", key
        ).fetchone()
        if row:
            found[key] = (row[0], row[1])
    return found


def thumbnails_of(
    conn: sqlite3.Connection, source: Source, keys: Sequence[Key]
) -> list[bytes | None]:
    """The thumbnails of these rows as WebP, in their order; None for a row that has none."""
    stored = " and ".join(f"{quote(name)} = ?" for name, _ in source.stored_keys)
    query = f"select thumbnail from {quote(thumbnails_table(source.name))} where {stored}"
    rows = [conn.execute(query, key).fetchone() for key in keys]
    return [row[0] if row else None for row in rows]


def failures(conn: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """(key as JSON, reason) of every row that could not be embedded."""
    return conn.execute(
        f"select pk, reason from {FAILURES} where table_name = ? order by pk", [table]
    ).fetchall()


def counts(conn: sqlite3.Connection, table: str) -> tuple[int, int, int]:
    """How many rows the source has, how many vectors there are, and how many failures."""
    (embeddings,) = conn.execute(f"select count(*) from {quote(vectors_table(table))}").fetchone()
    (failed,) = conn.execute(
        f"select count(*) from {FAILURES} where table_name = ?", [table]
    ).fetchone()
    rows = 0
    if exists(conn, table):
        (rows,) = conn.execute(f"select count(*) from {quote(table)}").fetchone()
    return rows, embeddings, failed


def stored_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Bytes of vectors, thumbnails and codes kept for a table."""
    (vectors_size,) = conn.execute(
        f"select coalesce(sum(length(embedding)), 0) from {quote(vectors_table(table))}"
    ).fetchone()
    (thumbnails_size,) = conn.execute(
        f"select coalesce(sum(length(thumbnail)), 0) from {quote(thumbnails_table(table))}"
    ).fetchone()
    return int(vectors_size + thumbnails_size) + code_tables.stored_bytes(conn, table)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _record_removed(conn: sqlite3.Connection, source: Source, removed: Sequence[Key]) -> None:
    if removed:
        none = np.empty((0, 0), VECTOR_DTYPE)
        code_tables.record(conn, source.name, (), none, removed, -len(removed))


def _delete(conn: sqlite3.Connection, source: Source, keys: Sequence[Key]) -> list[Key]:
    """Returns the keys for which there was a vector."""
    removed = list(hashes(conn, source, keys))
    stored = " and ".join(f"{quote(name)} = ?" for name, _ in source.stored_keys)
    for name in _existing_keyed_tables(conn, source.name):
        conn.executemany(f"delete from {quote(name)} where {stored}", keys)
    return removed


def _clear_failures(conn: sqlite3.Connection, source: Source, keys: Sequence[Key]) -> None:
    conn.executemany(
        f"delete from {FAILURES} where table_name = ? and pk = ?",
        [(source.name, key_json(key)) for key in keys],
    )
