"""The table ``_revimg_TABLE_whitening``: what a table's vectors are whitened with.

It has one row, or does not exist. The numbers are little-endian: ``mean`` float32 (D,), ``matrix``
float16 (D, d), by rows. The record of the table names their hash beside those of the model and its
weights, so that no vector is ever compared with one that was whitened otherwise.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np

from ..errors import RevimgError
from ..vectors.cosine import VECTOR_DTYPE
from ..vectors.whitening import Whitening, is_whitened
from . import calibrations, code_tables, comparisons, own_tables, reading, registry
from .connection import transaction
from .own_tables import vectors_table, whitening_table
from .registry import EmbeddedTable
from .schema import exists
from .sql import equalities, quote
from .tables import Table

_MATRIX_DTYPE = np.dtype("<f2")


def read(conn: sqlite3.Connection, embedded: EmbeddedTable) -> Whitening | None:
    """Return what a table's vectors are whitened with, None for a table whose vectors aren't.

    RevimgError when it is damaged or gone.
    """
    if not is_whitened(embedded.model):
        return None
    name = whitening_table(embedded.table_name)
    rows = mean = matrix = None
    if exists(conn, name):
        query = f"select rows, mean, matrix from {quote(name)} limit 1"
        rows, mean, matrix = conn.execute(query).fetchone() or (None, None, None)
    whitening = _parsed(rows, mean, matrix, embedded.dimension)
    if whitening is None or whitening.name(embedded.model) != embedded.model:
        raise RevimgError(
            f"what the vectors of {embedded.table_name!r} are whitened with is damaged or gone, so "
            "no other picture can be compared with them: run `datasette revimg embed --replace "
            "--whiten`"
        )
    return whitening


def adopt(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, whitening: Whitening
) -> EmbeddedTable:
    """Whiten all vectors of a table in one transaction; return its record from now on.

    ``embedded`` is its record now. What was computed from the vectors goes: codes, percentiles,
    and which pairs are similar. RevimgError when another run has changed the table's model.
    """
    whitened = replace(
        embedded,
        model=whitening.name(embedded.model),
        weights_sha256=whitening.weights(embedded.weights_sha256),
        dimension=whitening.dimension,
    )
    with transaction(conn):
        recorded = registry.embedded(conn, source.name)
        if recorded is None or _identity(recorded) != _identity(embedded):
            raise RevimgError(
                f"another run has changed the model of {source.name!r}; nothing was whitened"
            )
        _whiten_vectors(conn, source, whitening)
        _write(conn, source.name, whitening)
        _forget_computed(conn, source.name)
        registry.record(conn, whitened)
        code_tables.create(conn, source.name)
    return whitened


def _identity(embedded: EmbeddedTable) -> tuple[str, str, str]:
    return embedded.model, embedded.weights_sha256, embedded.preprocessing


def _whiten_vectors(conn: sqlite3.Connection, source: Table, whitening: Whitening) -> None:
    """Whiten every vector in its place; damaged ones stay so, for the next run to replace."""
    update = (
        f"update {quote(vectors_table(source.name))} set embedding = ? "
        f"where {equalities(source.stored_columns)}"
    )
    for page in reading.pages(reading.stored_keys(conn, source)):
        keys, vectors = reading.stored_vectors(conn, source, page)
        whitened = whitening.apply(vectors).astype(VECTOR_DTYPE) if keys else ()
        rows = [(vector.tobytes(), *key) for key, vector in zip(keys, whitened, strict=True)]
        conn.executemany(update, rows)


def _write(conn: sqlite3.Connection, table: str, whitening: Whitening) -> None:
    name = quote(whitening_table(table))
    conn.execute(f"drop table if exists {name}")
    conn.execute(f"create table {name} (rows integer, mean blob not null, matrix blob not null)")
    conn.execute(
        f"insert into {name} values (?, ?, ?)",
        [
            whitening.rows,
            whitening.mean.astype(VECTOR_DTYPE).tobytes(),
            whitening.matrix.astype(_MATRIX_DTYPE).tobytes(),
        ],
    )


def _forget_computed(conn: sqlite3.Connection, table: str) -> None:
    """Delete what the vectors were before, in other forms; decisions of people stay."""
    for name in (
        code_tables.codes_table(table),
        code_tables.basis_table(table),
        own_tables.compared_table(table),
        own_tables.pairs_table(table),
        own_tables.duplicates_table(table),
    ):
        conn.execute(f"drop table if exists {quote(name)}")
    comparisons.delete(conn, table)
    calibrations.delete(conn, table)


def _parsed(rows: object, mean: object, matrix: object, dimension: int) -> Whitening | None:
    """Return the numbers of a row, None when they can't be right."""
    if not (isinstance(rows, int) and isinstance(mean, bytes) and isinstance(matrix, bytes)):
        return None
    columns = len(mean) // VECTOR_DTYPE.itemsize
    if not columns or len(mean) % VECTOR_DTYPE.itemsize:
        return None
    if len(matrix) != columns * dimension * _MATRIX_DTYPE.itemsize:
        return None
    whitening = Whitening(
        rows,
        np.frombuffer(mean, VECTOR_DTYPE),
        np.frombuffer(matrix, _MATRIX_DTYPE).reshape(columns, dimension),
    )
    return whitening if np.isfinite(whitening.matrix).all() else None
