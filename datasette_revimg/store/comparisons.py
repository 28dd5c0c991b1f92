"""Which pictures were compared with each other, and the pairs of them that are similar.

Pictures are known by their content hash, so that a file that was moved, or a row with another key,
need not be compared again. ``_revimg_TABLE_compared`` numbers the pictures, ``_revimg_TABLE_pairs``
holds the pairs, and ``_revimg_comparisons`` has a record for each table. At any moment, all pairs
of compared pictures that score the recorded minimum or more are there: a picture is added in one
transaction with its pairs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from . import code_tables, own_tables
from .connection import transaction
from .own_tables import COMPARISONS, compared_table, pairs_table
from .registry import EmbeddedTable
from .schema import exists
from .sql import quote
from .tables import Table


@dataclass(frozen=True)
class Pairs:
    """Pairs of compared pictures, by number: ``first`` < ``second``, int64 (n,), float64 (n,)."""

    first: np.ndarray
    second: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


def read_minimum(conn: sqlite3.Connection, embedded: EmbeddedTable) -> float | None:
    """Return the score from which the pairs of a table are recorded.

    None where nothing was compared yet, or only vectors of another model.
    """
    needed = (COMPARISONS, compared_table(embedded.table_name), pairs_table(embedded.table_name))
    if not all(exists(conn, name) for name in needed):
        return None
    row = conn.execute(
        f"select minimum from {COMPARISONS} where table_name = ? and weights_sha256 = ? "
        "and typeof(minimum) = 'real'",
        [embedded.table_name, embedded.weights_sha256],
    ).fetchone()
    return row[0] if row else None


def start(conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, minimum: float) -> None:
    """Forget what was compared before, and record pairs from this score on.

    RevimgError when the tables can't have their names.
    """
    own_tables.check_names(conn, source)
    compared, pairs = quote(compared_table(source.name)), quote(pairs_table(source.name))
    with transaction(conn):
        conn.execute(
            f"create table if not exists {COMPARISONS} "
            "(table_name text primary key, weights_sha256 text, minimum real)"
        )
        for table in (compared, pairs):
            conn.execute(f"drop table if exists {table}")
        # A number that was given once is not given again: pairs refer to it.
        conn.execute(
            f"create table {compared} (number integer primary key, content_hash blob unique, "
            "plain integer)"
        )
        conn.execute(
            f"create table {pairs} (first integer, second integer, score real, "
            "primary key (first, second)) without rowid"
        )
        conn.execute(
            f"insert or replace into {COMPARISONS} (table_name, weights_sha256, minimum) "
            "values (?, ?, ?)",
            [source.name, embedded.weights_sha256, minimum],
        )


def delete(conn: sqlite3.Connection, table: str) -> None:
    """Delete, within a transaction, the record of a table's comparison."""
    if exists(conn, COMPARISONS):
        conn.execute(f"delete from {COMPARISONS} where table_name = ?", [table])


def read_compared(conn: sqlite3.Connection, table: str) -> dict[bytes, int]:
    """Return the number of each compared picture by its content hash, in the numbers' order."""
    rows = conn.execute(
        f"select content_hash, number from {quote(compared_table(table))} order by number"
    )
    rows.row_factory = None
    return dict(rows)


def read_plain(conn: sqlite3.Connection, table: str) -> set[int]:
    """Return the numbers of the compared pictures that hold too little to tell."""
    rows = conn.execute(f"select number from {quote(compared_table(table))} where plain")
    return {number for (number,) in rows}


def remove(conn: sqlite3.Connection, table: str, numbers: Sequence[int]) -> None:
    """Forget, in one transaction, pictures that are gone, and their pairs."""
    compared, pairs = quote(compared_table(table)), quote(pairs_table(table))
    with transaction(conn):
        conn.execute("create temp table if not exists revimg_gone (number integer primary key)")
        conn.execute("delete from temp.revimg_gone")
        conn.executemany("insert into temp.revimg_gone values (?)", [(n,) for n in numbers])
        gone = "(select number from temp.revimg_gone)"
        conn.execute(f"delete from {pairs} where first in {gone} or second in {gone}")
        conn.execute(f"delete from {compared} where number in {gone}")
        conn.execute("delete from temp.revimg_gone")


def add(
    conn: sqlite3.Connection,
    table: str,
    pictures: Sequence[tuple[int, bytes]],
    plain: Iterable[int],
    pairs: Pairs,
    revision: int | None,
) -> None:
    """Record, in one transaction, pictures that were compared and their pairs.

    ``pictures`` are numbers and content hashes; ``plain`` are the numbers of those, also of
    earlier ones, that turned out to hold too little to tell. RevimgError when the vectors have
    changed since ``revision``, or another run has recorded pictures of these numbers.
    """
    with transaction(conn):
        state = code_tables.read_state(conn, table)
        if (state.revision if state else None) != revision:
            raise RevimgError(
                f"{table!r} was changed meanwhile; what was compared before is kept: run this again"
            )
        (highest,) = conn.execute(
            f"select coalesce(max(number), 0) from {quote(compared_table(table))}"
        ).fetchone()
        if pictures and highest >= pictures[0][0]:
            raise RevimgError(
                f"another run compares the pictures of {table!r}: let it end, then run this again"
            )
        conn.executemany(
            f"insert into {quote(compared_table(table))} (number, content_hash, plain) "
            "values (?, ?, 0)",
            pictures,
        )
        conn.executemany(
            f"update {quote(compared_table(table))} set plain = 1 where number = ?",
            [(number,) for number in plain],
        )
        conn.executemany(
            f"insert into {quote(pairs_table(table))} (first, second, score) values (?, ?, ?)",
            zip(pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist(), strict=True),
        )


def count_pairs(conn: sqlite3.Connection, table: str) -> int:
    """Return how many pairs are recorded."""
    (count,) = conn.execute(f"select count(*) from {quote(pairs_table(table))}").fetchone()
    return int(count)


def read_pairs(conn: sqlite3.Connection, table: str, minimum: float) -> Pairs:
    """Return the recorded pairs that score ``minimum`` or more."""
    cursor = conn.execute(
        f"select first, second, score from {quote(pairs_table(table))} where score >= ? "
        "order by first, second",
        [minimum],
    )
    cursor.row_factory = None
    parts = [np.array(rows, np.float64) for rows in _batches(cursor)]
    whole = np.concatenate(parts) if parts else np.empty((0, 3))
    return Pairs(whole[:, 0].astype(np.int64), whole[:, 1].astype(np.int64), whole[:, 2])


def _batches(cursor: sqlite3.Cursor) -> Iterator[list[tuple[int, int, float]]]:
    while rows := cursor.fetchmany(100_000):
        yield rows
