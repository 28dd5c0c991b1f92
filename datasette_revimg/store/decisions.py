"""The table ``_revimg_TABLE_decisions``: what people have said of pairs of pictures.

The pictures are named by their content hashes in hexadecimal, the smaller one in ``a``, so that a
decision survives re-embedding, moved files and new rows. Where two are the ``same``, ``keep`` may
name the one to keep.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from .connection import transaction
from .own_tables import decisions_table
from .schema import exists
from .sql import now, quote

SAME, DIFFERENT = "same", "different"

Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class Decision:
    """What somebody has said of two pictures: SAME or DIFFERENT, and which one to keep."""

    first: bytes
    second: bytes
    decision: str
    keep: bytes | None = None

    @property
    def pair(self) -> Pair:
        """The two hashes, the smaller first."""
        return ordered(self.first, self.second)


def ordered(first: bytes, second: bytes) -> Pair:
    """Return two hashes in the order in which they name a pair."""
    return (first, second) if first < second else (second, first)


def by_pair(conn: sqlite3.Connection, table: str) -> dict[Pair, Decision]:
    """Return all decisions of a table by the pair that each is about."""
    return {one.pair: one for one in read(conn, table)}


def record(
    conn: sqlite3.Connection, table: str, decided: list[Decision], actor: str | None
) -> None:
    """Record decisions of an actor, in one transaction, in place of older ones of these pairs."""
    name, at = quote(decisions_table(table)), now()
    with transaction(conn):
        conn.execute(
            f"create table if not exists {name} (a text, b text, decision text, keep text, "
            "actor text, at text, primary key (a, b))"
        )
        conn.executemany(
            f"insert or replace into {name} values (?, ?, ?, ?, ?, ?)",
            [
                (*_hexadecimal(one.pair), one.decision, one.keep and one.keep.hex(), actor, at)
                for one in decided
            ],
        )


def withdraw(conn: sqlite3.Connection, table: str, pairs: list[Pair]) -> None:
    """Delete the decisions of these pairs, in one transaction."""
    if exists(conn, decisions_table(table)):
        with transaction(conn):
            conn.executemany(
                f"delete from {quote(decisions_table(table))} where a = ? and b = ?",
                [_hexadecimal(ordered(*pair)) for pair in pairs],
            )


def read(conn: sqlite3.Connection, table: str) -> list[Decision]:
    """Return all decisions of a table; damaged ones are left out."""
    if not exists(conn, decisions_table(table)):
        return []
    cursor = conn.execute(
        f"select a, b, decision, keep from {quote(decisions_table(table))} "
        "where decision in (?, ?) order by a, b",
        [SAME, DIFFERENT],
    )
    cursor.row_factory = None
    found = []
    for a, b, decision, keep in cursor:
        try:
            kept = None if keep is None else bytes.fromhex(keep)
            found.append(Decision(bytes.fromhex(a), bytes.fromhex(b), decision, kept))
        except (TypeError, ValueError):
            continue
    return found


def _hexadecimal(pair: Pair) -> tuple[str, str]:
    return pair[0].hex(), pair[1].hex()


def read_same(conn: sqlite3.Connection, table: str) -> set[Pair]:
    """Return the pairs that somebody has called the same picture."""
    return {one.pair for one in read(conn, table) if one.decision == SAME}
