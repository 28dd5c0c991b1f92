"""Remove vectors and all else that is stored for rows: those that are gone, or a whole table's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..vectors.cosine import VECTOR_DTYPE
from . import (
    calibrations,
    classifiers,
    code_log,
    comparisons,
    duplicates_view,
    failed_rows,
    own_tables,
    reading,
    registry,
    skipped,
)
from .connection import transaction
from .schema import column_names
from .sql import all_present, equalities, quote, quote_all
from .tables import Table, key_subquery


def remove_rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    """Delete rows of the source and everything stored for them, in one transaction.

    Only for a table made from files, when the user has asked for it.
    """
    condition = equalities(source.key_columns)
    with transaction(conn):
        conn.executemany(f"delete from {quote(source.name)} where {condition}", keys)
        forget_rows(conn, source, keys)


def forget_rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    """Delete everything stored for rows of the source, in one transaction."""
    with transaction(conn):
        removed = delete_stored(conn, source, keys)
        _record_removed(conn, source, removed)
        failed_rows.delete(conn, source.name, keys)


def remove_missing(conn: sqlite3.Connection, source: Table, column: str) -> int:
    """Delete everything stored for rows that are gone from the source, or have no picture now.

    Returns how many of them had a vector.
    """
    stored = quote_all(source.stored_columns)
    # One NULL among the keys, and SQL's "not in" is never true.
    present = all_present((*source.key_columns, column))
    gone = f"({stored}) not in {key_subquery(source, present, missing=True)}"
    with transaction(conn):
        failed_rows.delete_all(conn, source.name)
        vectors = quote(own_tables.vectors_table(source.name))
        removed = conn.execute(f"select {stored} from {vectors} where {gone}").fetchall()
        for name in own_tables.existing_keyed_names(conn, source.name):
            conn.execute(f"delete from {quote(name)} where {gone}")
        _record_removed(conn, source, removed)
    return len(removed)


def remove_damaged(conn: sqlite3.Connection, source: Table) -> None:
    """Delete everything stored for rows whose vector is damaged, so that it is computed anew."""
    damaged = reading.damaged_keys(conn, source, reading.stored_keys(conn, source))
    if damaged:
        with transaction(conn):
            _record_removed(conn, source, delete_stored(conn, source, damaged))


def forget(conn: sqlite3.Connection, table: str) -> None:
    """Delete everything that is kept for a table, what people have decided about it too.

    The table itself stays as it is.
    """
    recorded = registry.embedded(conn, table)
    if recorded is None and not column_names(conn, own_tables.vectors_table(table)):
        raise RevimgError(f"{table!r} is not embedded; there is nothing to forget")
    name = recorded.table_name if recorded else table
    with transaction(conn):
        discard(conn, name)
        classifiers.delete(conn, name)
        conn.execute(f"drop table if exists {quote(own_tables.decisions_table(name))}")


def discard(conn: sqlite3.Connection, table: str) -> None:
    """Delete everything that was computed for a table, whether its record says so or not.

    What people have decided about its pictures stays: nothing can compute it again. So does what
    was learnt, which holds for vectors of the same model.
    """
    decisions = own_tables.decisions_table(table)
    with transaction(conn):
        duplicates_view.drop(conn, table)
        for name in own_tables.names(table):
            if name != decisions:
                conn.execute(f"drop table if exists {quote(name)}")
        failed_rows.delete_all(conn, table)
        comparisons.delete(conn, table)
        calibrations.delete(conn, table)
        skipped.delete(conn, table)
        registry.delete(conn, table)
        if not registry.count(conn):
            for name in own_tables.SHARED:
                if name != own_tables.CLASSIFIERS:
                    conn.execute(f"drop table if exists {name}")


def delete_stored(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[Key]:
    """Delete, within a transaction, everything stored for these rows.

    Returns the keys of those that had a vector.
    """
    removed = list(reading.hashes(conn, source, keys))
    for name in own_tables.existing_keyed_names(conn, source.name):
        conn.executemany(
            f"delete from {quote(name)} where {equalities(source.stored_columns)}", keys
        )
    return removed


def _record_removed(conn: sqlite3.Connection, source: Table, removed: Sequence[Key]) -> None:
    if removed:
        none = np.empty((0, 0), VECTOR_DTYPE)
        code_log.record(conn, source.name, (), none, removed, -len(removed))
