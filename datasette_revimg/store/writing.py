"""Write the vectors, thumbnails and labels of rows, one transaction for each batch.

Functions take a plain sqlite3 connection, so that they serve the command line, Datasette's
threads and a user's own scripts alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlite_utils

from ..keys import Key
from ..vectors.cosine import VECTOR_DTYPE
from . import code_log, failed_rows, own_tables, predictions, registry, version
from .connection import transaction
from .reading import hashes
from .registry import EmbeddedTable
from .removal import delete_stored
from .schema import exists
from .sql import equalities, placeholders, quote, quote_all
from .tables import Table


@dataclass(frozen=True)
class Embedding:
    """Everything that is stored for a row.

    ``embedding`` is its unit vector float32 (D,), ``content_hash`` that of the picture it was
    computed from, ``thumbnail`` a WebP, ``width`` and ``height`` those of the picture in pixels,
    and ``labels`` its classes and their probabilities, where these were asked for.
    """

    key: Key
    embedding: np.ndarray
    content_hash: bytes
    thumbnail: bytes
    width: int
    height: int
    labels: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Failure:
    """A row that has no up-to-date vector, and the reason.

    ``stale`` says that a vector of its former picture must go.
    """

    key: Key
    reason: str
    stale: bool = False


def prepare(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, labels: bool = False
) -> None:
    """Create the tables for ``source`` where they are missing, and write its record ``embedded``.

    RevimgError when the tables can't have their names.
    """
    own_tables.check_names(conn, source, labels)
    with transaction(conn):
        if not exists(conn, registry.REGISTRY):
            version.write(conn)
        registry.create(conn)
        failed_rows.create(conn)
        own_tables.create(conn, source, labels)
        registry.record(conn, embedded)


def write(
    conn: sqlite3.Connection,
    source: Table,
    embeddings: Sequence[Embedding],
    failures: Sequence[Failure],
    rows: Sequence[dict[str, Any]] = (),
    expected: EmbeddedTable | None = None,
) -> None:
    """Store one finished batch in one transaction.

    ``rows`` are upserted into the source table itself, which only a table made from files needs.
    Raises NotEmbeddedError or OtherModelError, and stores nothing, when the table's record is no
    longer the ``expected`` one: another program has embedded it anew, or forgotten it.
    """
    database = sqlite_utils.Database(conn, execute_plugins=False)
    with transaction(conn):
        if expected:
            registry.check_unchanged(conn, expected)
        registry.touch(conn, source.name)
        for row in rows:
            # One by one: upsert_all would write NULL where one row lacks a column of another.
            database.table(source.name).upsert(row, pk=source.key_columns)
        keys = [embedding.key for embedding in embeddings]
        replaced = len(hashes(conn, source, keys))
        vectors = np.array([embedding.embedding for embedding in embeddings], VECTOR_DTYPE)
        predictions.forget_rows(conn, source, keys)
        _write_vectors(conn, source, embeddings, vectors)
        _write_thumbnails(conn, source, embeddings)
        _write_labels(conn, source, embeddings)
        failed_rows.delete(conn, source.name, keys)
        failed_rows.add(conn, source.name, [(failure.key, failure.reason) for failure in failures])
        stale = [failure.key for failure in failures if failure.stale]
        removed = delete_stored(conn, source, stale)
        change = len(keys) - replaced - len(removed)
        code_log.record(conn, source.name, keys, vectors, removed, change)


def _write_vectors(
    conn: sqlite3.Connection, source: Table, embeddings: Sequence[Embedding], vectors: np.ndarray
) -> None:
    conn.executemany(
        _insert(own_tables.vectors_table(source.name), source, ("embedding", "content_hash")),
        [
            (*embedding.key, vector.tobytes(), embedding.content_hash)
            for embedding, vector in zip(embeddings, vectors, strict=True)
        ],
    )


def _write_thumbnails(
    conn: sqlite3.Connection, source: Table, embeddings: Sequence[Embedding]
) -> None:
    conn.executemany(
        _insert(own_tables.thumbnails_table(source.name), source, ("thumbnail", "width", "height")),
        [
            (*embedding.key, embedding.thumbnail, embedding.width, embedding.height)
            for embedding in embeddings
        ],
    )


def _write_labels(conn: sqlite3.Connection, source: Table, embeddings: Sequence[Embedding]) -> None:
    """Replace the rows' labels; the former ones go even where there are no new ones."""
    table = own_tables.labels_table(source.name)
    if not exists(conn, table):
        return
    conn.executemany(
        f"delete from {quote(table)} where {equalities(source.stored_columns)}",
        [embedding.key for embedding in embeddings],
    )
    conn.executemany(
        _insert(table, source, ("label", "score")),
        [
            (*embedding.key, label, score)
            for embedding in embeddings
            for label, score in embedding.labels
        ],
    )


def _insert(table: str, source: Table, columns: Iterable[str]) -> str:
    names = (*source.stored_columns, *columns)
    return (
        f"insert or replace into {quote(table)} ({quote_all(names)}) "
        f"values ({placeholders(len(names))})"
    )
