"""The table ``_revimg_TABLE_duplicates``: the groups of duplicates that the last run has found."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..keys import Key
from ..vectors.calibration import TIERS
from . import own_tables
from .connection import transaction
from .own_tables import duplicates_table, vectors_table
from .schema import exists
from .sql import equalities, placeholders, quote, quote_all
from .tables import Table, key_subquery

# SQL that is true of a row whose columns hold what they should.
_SOUND = (
    "typeof(d.\"group\") = 'integer' and typeof(d.content_hash) = 'blob' "
    "and typeof(d.score) = 'real' and d.best in (0, 1) and typeof(d.reasons) = 'text' "
    f"and (d.tier is null or d.tier in ({', '.join(map(repr, TIERS))}))"
)

_COLUMNS = ("group", "content_hash", "score", "tier", "best", "reasons")


@dataclass(frozen=True)
class Member:
    """A row in a group of duplicates.

    ``score`` is the cosine with the group's best row and ``tier`` what that means, None where the
    table isn't calibrated. ``reasons`` say why a row is the best one, or why it isn't.
    """

    group: int
    key: Key
    content_hash: bytes
    score: float
    tier: str | None
    best: bool
    reasons: str


def check_names(source: Table) -> None:
    """Raise RevimgError when the table of duplicates can't have the key columns of ``source``."""
    own_tables.check_key_columns(source, _COLUMNS, "duplicates")


def write(conn: sqlite3.Connection, source: Table, members: Sequence[Member]) -> None:
    """Write the groups in place of the former ones, in one transaction."""
    check_names(source)
    own_tables.check_names(conn, source)
    name = quote(duplicates_table(source.name))
    keys = ", ".join(f"{quote(column)} {declared}" for column, declared in source.stored_keys)
    primary_key = quote_all(source.stored_columns)
    with transaction(conn):
        conn.execute(f"drop table if exists {name}")
        # As a constraint, the index by group needs no name, which might be one of the user's.
        conn.execute(
            f'create table {name} ("group" integer, {keys}, content_hash blob, score real, '
            f"tier text, best integer, reasons text, primary key ({primary_key}), "
            f'unique ("group", {primary_key}))'
        )
        columns = (*source.stored_columns, *_COLUMNS)
        conn.executemany(
            f"insert into {name} ({quote_all(columns)}) values ({placeholders(len(columns))})",
            [
                (
                    *member.key,
                    member.group,
                    member.content_hash,
                    member.score,
                    member.tier,
                    int(member.best),
                    member.reasons,
                )
                for member in members
            ],
        )


def read(conn: sqlite3.Connection, source: Table, row: Key | None = None) -> list[list[Member]]:
    """Return the groups, the best row of each first, as far as they still hold.

    A row that is gone, or has another picture now, is left out; so is a group of one. Where the
    best is gone, the one most similar to it takes its place. With ``row``, only the group that
    the row of this key is in.
    """
    if not exists(conn, duplicates_table(source.name)):
        return []
    names = quote_all(source.stored_columns)
    vectors = quote(vectors_table(source.name))
    stored = quote(duplicates_table(source.name))
    same = " and ".join(
        f"v.{quote(column)} is d.{quote(column)}" for column in source.stored_columns
    )
    only = ""
    if row is not None:
        only = (
            f'and "group" = (select "group" from {stored} '
            f"where {equalities(source.stored_columns)}) "
        )
    cursor = conn.execute(
        f'select {quote_all(source.stored_columns)}, "group", content_hash, score, tier, best, '
        f"reasons from {stored} d where {_SOUND} and ({names}) in {key_subquery(source)} "
        f"and exists (select 1 from {vectors} v where {same} and v.content_hash = d.content_hash) "
        f'{only}order by "group", best desc, score desc, {names}',
        row or (),
    )
    cursor.row_factory = None
    width = len(source.stored_columns)
    groups: dict[int, list[Member]] = {}
    for row in cursor:
        group, content_hash, score, tier, best, reasons = row[width:]
        groups.setdefault(group, []).append(
            Member(group, row[:width], content_hash, score, tier, bool(best), reasons)
        )
    return [_with_best(members) for members in groups.values() if len(members) > 1]


def _with_best(members: list[Member]) -> list[Member]:
    first, *others = members
    if first.best:
        return members
    return [replace(first, best=True, reasons="a better one is gone"), *others]


def were_found(conn: sqlite3.Connection, table: str) -> bool:
    """Return whether duplicates of a table were ever looked for, whether there are any or not."""
    return exists(conn, duplicates_table(table))
