"""The table ``_revimg_TABLE_orientations``: the vectors of turned pictures, rounded to bytes.

A row for each picture, known by its content hash: a file that was moved, or a row with another
key, needs no new one. The row says which model made it, because vectors of two can't be compared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from ..pictures.orientations import OTHERS
from ..vectors.rounded import DTYPE, ERROR_DTYPE, Rounded
from . import own_tables
from .connection import transaction
from .own_tables import orientations_table, vectors_table
from .registry import EmbeddedTable
from .schema import exists
from .sql import placeholders, quote
from .tables import Table

# Pictures that are read at once.
READ_AT_ONCE = 256

_MODEL = "model = ? and weights_sha256 = ? and preprocessing = ?"


def start(conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable) -> None:
    """Create the table where it is missing, and delete what holds no more.

    That are pictures that no row has, and what another model has made. RevimgError when the table
    can't have its name.
    """
    own_tables.check_names(conn, source)
    name, vectors = quote(orientations_table(source.name)), quote(vectors_table(source.name))
    with transaction(conn):
        conn.execute(
            f"create table if not exists {name} (number integer primary key, "
            "content_hash blob unique, model text, weights_sha256 text, preprocessing text, "
            "codes blob, errors blob)"
        )
        conn.execute(
            f"delete from {name} where ({_MODEL}) is not true or content_hash not in "
            f"(select content_hash from {vectors} where content_hash is not null)",
            _model(embedded),
        )


def write(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    turned: Sequence[tuple[bytes, Rounded]],
) -> None:
    """Write pictures' content hashes with the vectors of OTHERS, in one transaction."""
    with transaction(conn):
        conn.executemany(
            f"insert or replace into {quote(orientations_table(source.name))} "
            "(content_hash, model, weights_sha256, preprocessing, codes, errors) "
            f"values ({placeholders(6)})",
            [
                (
                    content_hash,
                    *_model(embedded),
                    rounded.numbers.astype(DTYPE).tobytes(),
                    rounded.errors.astype(ERROR_DTYPE).tobytes(),
                )
                for content_hash, rounded in turned
            ],
        )


def read_hashes(conn: sqlite3.Connection, embedded: EmbeddedTable) -> set[bytes]:
    """Return the content hashes of the pictures that have sound vectors of this model."""
    if not exists(conn, orientations_table(embedded.table_name)):
        return set()
    rows = conn.execute(
        f"select content_hash from {quote(orientations_table(embedded.table_name))} "
        f"where {_MODEL} and {_sound(embedded)}",
        _model(embedded),
    )
    return {content_hash for (content_hash,) in rows if isinstance(content_hash, bytes)}


def read(
    conn: sqlite3.Connection, embedded: EmbeddedTable, hashes: Sequence[bytes]
) -> tuple[list[bytes], Rounded]:
    """Return, of at most READ_AT_ONCE pictures, those that have vectors, and these.

    There are len(OTHERS) rows for each picture, in their order.
    """
    cursor = conn.execute(
        f"select content_hash, codes, errors from {quote(orientations_table(embedded.table_name))} "
        f"where {_MODEL} and {_sound(embedded)} "
        f"and content_hash in ({placeholders(len(hashes))})",
        [*_model(embedded), *hashes],
    )
    cursor.row_factory = None
    rows = cursor.fetchall()
    numbers = np.frombuffer(b"".join(row[1] for row in rows), DTYPE)
    errors = np.frombuffer(b"".join(row[2] for row in rows), ERROR_DTYPE)
    return [row[0] for row in rows], Rounded(numbers.reshape(-1, embedded.dimension), errors)


def stored_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Return the bytes of the vectors in the table, 0 without one."""
    if not exists(conn, orientations_table(table)):
        return 0
    (size,) = conn.execute(
        "select coalesce(sum(length(codes) + length(errors)), 0) "
        f"from {quote(orientations_table(table))}"
    ).fetchone()
    return int(size)


def _model(embedded: EmbeddedTable) -> tuple[str, str, str]:
    return embedded.model, embedded.weights_sha256, embedded.preprocessing


def _sound(embedded: EmbeddedTable) -> str:
    count = len(OTHERS)
    return (
        f"typeof(codes) = 'blob' and length(codes) = {count * embedded.dimension} and "
        f"typeof(errors) = 'blob' and length(errors) = {count * ERROR_DTYPE.itemsize}"
    )
