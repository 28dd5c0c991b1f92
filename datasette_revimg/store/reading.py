"""Read stored vectors: of one row, of some rows or of all, and which rows have one.

Vectors that are damaged are left out, because one of them must not cost the others; the next
``embed`` finds and replaces them.

A stored vector whose row is gone from the user's table counts for nothing until the next run
removes it: functions that speak of "live" rows leave it out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DamagedVectorError, RevimgError
from ..keys import Key, key_json
from ..vectors.cosine import VECTOR_DTYPE
from . import registry
from .own_tables import SOUND_SIZE, labels_table, thumbnails_table, vectors_table
from .sql import placeholders, quote, quote_all
from .tables import Table, find, key_condition, key_subquery

# Rows that a scan reads at once: 8 MB of 4096-float vectors.
SCAN_ROWS = 512


def vector(conn: sqlite3.Connection, table: str, key: Sequence[Any]) -> np.ndarray | None:
    """Return a row's unit vector, float32 (D,), None when the row is gone or has none.

    Raises DamagedVectorError when it is damaged.
    """
    source = find(conn, table)
    where, parameters = key_condition(source, key)
    # A row whose file is gone still has its vector, and may be asked about.
    names = quote_all(source.stored_columns)
    row = f"where ({names}) in {key_subquery(source, where, missing=True)}"
    for _, matrix in _vectors(conn, source, row, parameters):
        return np.asarray(matrix[0])
    stored = f"select {names} from {quote(vectors_table(source.name))} {row}"
    damaged = conn.execute(stored, parameters).fetchone()
    if damaged:
        raise _damaged(source, damaged)
    return None


def vectors(
    conn: sqlite3.Connection,
    table: str,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> Iterator[tuple[list[Key], np.ndarray]]:
    """Yield keys and unit vectors, float32 (n, D), of the rows in the source table.

    They come SCAN_ROWS at a time. ``where`` is an SQL condition on the source table's columns.
    """
    source = find(conn, table)
    condition = f"where ({quote_all(source.stored_columns)}) in {key_subquery(source, where)}"
    return _vectors(conn, source, condition, parameters)


def vectors_of(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
) -> Iterator[tuple[list[Key], np.ndarray]]:
    """Yield keys and unit vectors, float32 (n, D), of the live rows with these keys.

    They come in any order, at most SCAN_ROWS at a time.
    """
    # Two INs side by side, and SQLite may choose to walk through the whole table for the second.
    same = " and ".join(
        f"{quote(vectors_table(source.name))}.{quote(stored)} = {quote(source.name)}.{quote(name)}"
        for stored, name in zip(source.stored_columns, source.key_columns, strict=True)
    )
    alive = f"exists (select 1 from {quote(source.name)} where {same} and {source.present})"
    for page in pages(keys):
        condition, parameters = _one_of(source, page)
        yield from _vectors(conn, source, f"{condition} and {alive}", parameters)


def all_vectors(conn: sqlite3.Connection, source: Table) -> Iterator[tuple[list[Key], np.ndarray]]:
    """Yield keys and unit vectors, float32 (n, D), of all that is stored.

    They come SCAN_ROWS at a time, whether the row is still there or not.
    """
    return _vectors(conn, source, "", ())


def stored_keys(conn: sqlite3.Connection, source: Table) -> list[Key]:
    """Return the keys of all stored vectors, in order, whether the row is still there or not."""
    names = quote_all(source.stored_columns)
    cursor = conn.execute(
        f"select {names} from {quote(vectors_table(source.name))} order by {names}"
    )
    cursor.row_factory = None
    return cursor.fetchall()


def pages(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Yield keys, SCAN_ROWS at a time."""
    for start in range(0, len(keys), SCAN_ROWS):
        yield keys[start : start + SCAN_ROWS]


def stored_vectors(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
) -> tuple[list[Key], np.ndarray]:
    """Return keys and unit vectors, float32 (n, D), of these rows, whether they are live or not.

    At most SCAN_ROWS at a time, in any order. No statement is left open: others can write.
    """
    batches = list(_vectors(conn, source, *_one_of(source, keys)))
    return batches[0] if batches else ([], np.empty((0, 0), VECTOR_DTYPE))


def sample_vectors(conn: sqlite3.Connection, source: Table, size: int) -> np.ndarray:
    """Return at most ``size`` of the stored vectors, float32 (n, D).

    They are spread evenly over the table, and always the same ones of the same table.
    """
    keys = stored_keys(conn, source)
    step = max(1.0, len(keys) / size)
    chosen = [keys[int(number * step)] for number in range(min(size, len(keys)))]
    parts = [matrix for _, matrix in vectors_of(conn, source, chosen)]
    return np.concatenate(parts) if parts else np.empty((0, 0), VECTOR_DTYPE)


def vectors_in_order(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> np.ndarray:
    """Return the unit vectors of these rows, float32 (n, D), in their order.

    Raises DamagedVectorError for a row whose vector is damaged, RevimgError for a row that has
    none, or is gone.
    """
    if not keys:
        return np.empty((0, 0), VECTOR_DTYPE)
    places = {key: place for place, key in enumerate(keys)}
    vectors: np.ndarray | None = None
    for some, matrix in vectors_of(conn, source, keys):
        if vectors is None:
            vectors = np.empty((len(keys), matrix.shape[1]), VECTOR_DTYPE)
        vectors[[places.pop(key) for key in some]] = matrix
    for key in places:
        if hashes(conn, source, [key]):
            raise _damaged(source, key)
        raise RevimgError(f"row {key_json(key)} of {source.name!r} has no vector")
    assert vectors is not None
    return vectors


def embedded_keys(
    conn: sqlite3.Connection,
    table: str,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[Key]:
    """Return the keys of the live rows that have a vector, in their order.

    ``where`` is an SQL condition on the source table's columns.
    """
    source = find(conn, table)
    stored = quote_all(source.stored_columns)
    cursor = conn.execute(
        f"select {stored} from {quote(vectors_table(source.name))} "
        f"where ({stored}) in {key_subquery(source, where)} order by {stored}",
        parameters,
    )
    cursor.row_factory = None
    return cursor.fetchall()


def content_hashes(
    conn: sqlite3.Connection,
    source: Table,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[tuple[Key, bytes]]:
    """Return key and content hash of the live rows that have both, in the keys' order.

    ``where`` is an SQL condition on the source table's columns.
    """
    stored = quote_all(source.stored_columns)
    cursor = conn.execute(
        f"select {stored}, content_hash from {quote(vectors_table(source.name))} "
        f"where typeof(content_hash) = 'blob' and ({stored}) in {key_subquery(source, where)} "
        f"order by {stored}",
        parameters,
    )
    cursor.row_factory = None
    return [(row[:-1], row[-1]) for row in cursor]


def one_row_each(conn: sqlite3.Connection, source: Table, where: str = "") -> dict[bytes, Key]:
    """Return the first row's key of each different picture, by its content hash.

    ``where`` is an SQL condition on the source table's columns.
    """
    first: dict[bytes, Key] = {}
    for key, content_hash in content_hashes(conn, source, where):
        first.setdefault(content_hash, key)
    return first


def count_vectors(conn: sqlite3.Connection, source: Table) -> int:
    """Return how many vectors are stored, whether their rows are still there or not."""
    (count,) = conn.execute(f"select count(*) from {quote(vectors_table(source.name))}").fetchone()
    return int(count)


def count_live(conn: sqlite3.Connection, source: Table) -> int:
    """Return how many vectors there are of live rows."""
    (count,) = conn.execute(
        f"select count(*) from {quote(vectors_table(source.name))} "
        f"where ({quote_all(source.stored_columns)}) in {key_subquery(source)}"
    ).fetchone()
    return int(count)


def damaged_keys(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[Key]:
    """Return the keys, of these, of the rows whose vectors are damaged; this reads the vectors."""
    damaged: list[Key] = []
    for page in pages(keys):
        sound = set(stored_vectors(conn, source, page)[0])
        damaged.extend(key for key in page if key not in sound)
    return damaged


def hashes(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> dict[Key, bytes]:
    """Return the content hash of each row that has a vector."""
    stored = quote_all(source.stored_columns)
    query = f"select {stored}, content_hash from {quote(vectors_table(source.name))} "
    found: dict[Key, bytes] = {}
    for page in pages(keys):
        condition, parameters = _one_of(source, page)
        cursor = conn.execute(query + condition, parameters)
        cursor.row_factory = None
        found.update((row[:-1], row[-1]) for row in cursor)
    return found


def finished_hashes(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key], labelled: bool = False
) -> dict[Key, bytes]:
    """Return the content hash of each row for which everything is stored, also a thumbnail.

    Where it must be ``labelled``, it has labels too.
    """
    condition = _same_key(source)
    thumbnail = f"select 1 from {quote(thumbnails_table(source.name))} where {condition}"
    sound = "typeof(thumbnail) = 'blob' and length(thumbnail) > 0 and " + SOUND_SIZE
    required = f" and exists ({thumbnail} and {sound})"
    if labelled:
        labels = f"select 1 from {quote(labels_table(source.name))} where {condition}"
        required += f" and exists ({labels})"
    vectors = quote(vectors_table(source.name))
    query = f"select content_hash from {vectors} where {_same_key(source)}{required}"
    names = [f"key{number}" for number, _ in enumerate(source.stored_columns)]
    rows = {key: conn.execute(query, dict(zip(names, key, strict=True))).fetchone() for key in keys}
    return {key: row[0] for key, row in rows.items() if row}


def _same_key(source: Table) -> str:
    values = ", ".join(f":key{number}" for number, _ in enumerate(source.stored_columns))
    return f"({quote_all(source.stored_columns)}) = ({values})"


def _damaged(source: Table, key: Sequence[Any]) -> DamagedVectorError:
    return DamagedVectorError(
        f"the stored vector of row {', '.join(map(str, key))} of {source.name!r} is damaged: run "
        "`datasette revimg embed` again, which replaces it"
    )


def _one_of(source: Table, keys: Sequence[Key]) -> tuple[str, list[Any]]:
    """Return the condition that a stored row has one of these keys, with its parameters."""
    width = len(source.stored_keys)
    one = placeholders(width)
    listed = ", ".join([one if width == 1 else f"({one})"] * len(keys))
    values = "values " if width > 1 else ""
    condition = f"where ({quote_all(source.stored_columns)}) in ({values}{listed})"
    return condition, [value for key in keys for value in key]


def _vectors(
    conn: sqlite3.Connection,
    source: Table,
    condition: str,
    parameters: Sequence[Any] | Mapping[str, Any],
) -> Iterator[tuple[list[Key], np.ndarray]]:
    size = _vector_bytes(conn, source)
    cursor = conn.execute(
        f"select {quote_all(source.stored_columns)}, embedding "
        f"from {quote(vectors_table(source.name))} {condition}",
        parameters,
    )
    # Datasette's connections make sqlite3.Row, which doesn't compare and hash like a tuple.
    cursor.row_factory = None
    while rows := cursor.fetchmany(SCAN_ROWS):
        keys, matrix = _sound(rows, size)
        if keys:
            yield keys, matrix


def _vector_bytes(conn: sqlite3.Connection, source: Table) -> int:
    """Return the bytes of a vector of this table; without a record, those of its first one."""
    recorded = registry.embedded(conn, source.name)
    if recorded:
        return recorded.dimension * VECTOR_DTYPE.itemsize
    (size,) = conn.execute(
        f"select max(length(embedding)) from (select embedding "
        f"from {quote(vectors_table(source.name))} where typeof(embedding) = 'blob' limit 1)"
    ).fetchone()
    return size or VECTOR_DTYPE.itemsize


def _sound(rows: Sequence[Any], size: int) -> tuple[list[Key], np.ndarray]:
    """Return keys and vectors, float32 (n, D), of the rows whose vector is not damaged.

    Each row is (*key, vector as it is stored); a vector has ``size`` bytes, and finite numbers.
    """
    rows = [row for row in rows if isinstance(row[-1], bytes) and len(row[-1]) == size]
    blobs = b"".join(row[-1] for row in rows)
    vectors = np.frombuffer(blobs, VECTOR_DTYPE).reshape(len(rows), size // VECTOR_DTYPE.itemsize)
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(np.vecdot(vectors, vectors))
    keys = [row[:-1] for row in rows]
    if finite.all():
        return keys, vectors
    return [key for key, good in zip(keys, finite, strict=True) if good], vectors[finite]
