"""Reading stored vectors: of one row, of some, of all, and which rows have one.

A stored vector whose row is gone from the user's table counts for nothing until the next run
removes it: what is said to be of "live" rows leaves it out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import RevimgError
from ..keys import Key, key_json
from ..vectors.cosine import VECTOR_DTYPE
from . import code_tables
from .registry import FAILURES, labels_table, thumbnails_table, vectors_table
from .schema import exists
from .sql import placeholders, quote
from .tables import Table, find, key_condition, key_subquery

# Rows read at once by a scan: 8 MB of 4096-float vectors.
SCAN_ROWS = 512


def vector(conn: sqlite3.Connection, table: str, key: Sequence[Any]) -> np.ndarray | None:
    """A row's unit vector, float32 (D,), or None when the row is gone or has none."""
    return next(
        (matrix[0] for _, matrix in vectors(conn, table, *key_condition(find(conn, table), key))),
        None,
    )


def vectors(
    conn: sqlite3.Connection,
    table: str,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> Iterator[tuple[list[Key], np.ndarray]]:
    """Keys and unit vectors, float32 (n, D), of the rows that are in the source table now.

    ``where`` is an SQL condition on the source table's columns. In chunks of SCAN_ROWS.
    """
    user_table = find(conn, table)
    names = _stored_names(user_table)
    condition = f"where ({names}) in {key_subquery(user_table, where)}"
    return _vectors(conn, user_table, condition, parameters)


def vectors_of(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
) -> Iterator[tuple[list[Key], np.ndarray]]:
    """The same for the rows with these keys, in any order, of those that have a vector."""
    names, width = _stored_names(source), len(source.stored_keys)
    one = placeholders(width)
    # Two INs side by side, and SQLite may choose to walk through the whole table for the second.
    same = " and ".join(
        f"{quote(vectors_table(source.name))}.{quote(stored)} = {quote(source.name)}.{quote(name)}"
        for (stored, _), name in zip(source.stored_keys, source.key_columns, strict=True)
    )
    alive = f"exists (select 1 from {quote(source.name)} where {same})"
    for start in range(0, len(keys), SCAN_ROWS):
        part = keys[start : start + SCAN_ROWS]
        listed = ", ".join([one if width == 1 else f"({one})"] * len(part))
        condition = f"where ({names}) in ({'values ' if width > 1 else ''}{listed}) and {alive}"
        yield from _vectors(conn, source, condition, [value for key in part for value in key])


def all_vectors(conn: sqlite3.Connection, source: Table) -> Iterator[tuple[list[Key], np.ndarray]]:
    """The same for every stored vector, whether its row is still there or not."""
    return _vectors(conn, source, "", ())


def sample_vectors(conn: sqlite3.Connection, source: Table, size: int) -> np.ndarray:
    """At most so many of the stored vectors, float32 (n, D), spread evenly over the table; the
    same ones of the same table."""
    names = _stored_names(source)
    cursor = conn.execute(f"select {names} from {quote(vectors_table(source.name))}")
    cursor.row_factory = None
    keys = cursor.fetchall()
    step = max(1.0, len(keys) / size)
    chosen = [keys[int(number * step)] for number in range(min(size, len(keys)))]
    parts = [matrix for _, matrix in vectors_of(conn, source, chosen)]
    return np.concatenate(parts) if parts else np.empty((0, 0), VECTOR_DTYPE)


def vectors_in_order(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> np.ndarray:
    """The unit vectors of these rows, float32 (n, D), in their order; RevimgError for a row that
    has none, or is gone."""
    found = {
        key: vector
        for some, matrix in vectors_of(conn, source, keys)
        for key, vector in zip(some, matrix, strict=True)
    }
    for key in keys:
        if key not in found:
            raise RevimgError(f"row {key_json(key)} of {source.name!r} has no vector")
    return (
        np.array([found[key] for key in keys], VECTOR_DTYPE)
        if keys
        else np.empty((0, 0), VECTOR_DTYPE)
    )


def live_keys(
    conn: sqlite3.Connection,
    source: Table,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[Key]:
    """The keys of the source's rows that meet a condition, whether they have vectors or not."""
    cursor = conn.execute(key_subquery(source, where)[1:-1], parameters)
    cursor.row_factory = None
    return cursor.fetchall()


def embedded_keys(
    conn: sqlite3.Connection,
    table: str,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[Key]:
    """The keys of the rows that have a vector and are in the source table now, in their order.

    ``where`` is an SQL condition on the source table's columns.
    """
    user_table = find(conn, table)
    stored = ", ".join(quote(name) for name, _ in user_table.stored_keys)
    cursor = conn.execute(
        f"select {stored} from {quote(vectors_table(user_table.name))} "
        f"where ({stored}) in {key_subquery(user_table, where)} order by {stored}",
        parameters,
    )
    cursor.row_factory = None
    return cursor.fetchall()


def count_vectors(conn: sqlite3.Connection, source: Table) -> int:
    """How many vectors are stored, whether their rows are still there or not."""
    (count,) = conn.execute(f"select count(*) from {quote(vectors_table(source.name))}").fetchone()
    return int(count)


def count_live(conn: sqlite3.Connection, source: Table) -> int:
    """How many vectors there are of rows that are still there."""
    (count,) = conn.execute(
        f"select count(*) from {quote(vectors_table(source.name))} "
        f"where ({_stored_names(source)}) in {key_subquery(source)}"
    ).fetchone()
    return int(count)


def _stored_names(source: Table) -> str:
    return ", ".join(quote(name) for name, _ in source.stored_keys)


def _vectors(
    conn: sqlite3.Connection,
    source: Table,
    condition: str,
    parameters: Sequence[Any] | Mapping[str, Any],
) -> Iterator[tuple[list[Key], np.ndarray]]:
    cursor = conn.execute(
        f"select {_stored_names(source)}, embedding from {quote(vectors_table(source.name))} "
        f"{condition}",
        parameters,
    )
    # Datasette's connections make sqlite3.Row, which doesn't compare and hash like a tuple.
    cursor.row_factory = None
    while rows := cursor.fetchmany(SCAN_ROWS):
        blobs = b"".join(row[-1] for row in rows)
        try:
            vectors = np.frombuffer(blobs, VECTOR_DTYPE).reshape(len(rows), -1)
        except ValueError as error:
            raise RevimgError(
                f"{vectors_table(source.name)!r} holds vectors of different lengths: embed "
                f"{source.name!r} again with --replace"
            ) from error
        yield [row[:-1] for row in rows], vectors


def hashes(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key], labelled: bool = False
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
    condition, parameters = key_condition(user_table, key)
    row = conn.execute(
        f"select thumbnail from {quote(thumbnails_table(user_table.name))} "
        f"where ({stored}) in {key_subquery(user_table, condition)}",
        parameters,
    ).fetchone()
    return row[0] if row else None


def sizes(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
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
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
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
    return int(vectors_size + thumbnails_size) + code_tables.codes_bytes(conn, table)
