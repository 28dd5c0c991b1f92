"""What is embedded: the record of each table, and the names of the tables computed from it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields

from ..errors import NotEmbeddedError, RevimgError
from . import code_tables
from .schema import exists
from .sql import PREFIX, fold_name
from .tables import Table, find

REGISTRY = "_revimg_tables"

FAILURES = "_revimg_failures"

_OWN_COLUMNS = {"embedding", "content_hash", "thumbnail", "width", "height"}

_LABEL_COLUMNS = {"label", "score"}


@dataclass(frozen=True)
class EmbeddedTable:
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
        *keyed_tables(table),
        code_tables.codes_table(table),
        code_tables.basis_table(table),
    )


def keyed_tables(table: str) -> tuple[str, ...]:
    """Those that have the table's own key."""
    return vectors_table(table), thumbnails_table(table), labels_table(table)


def existing_keyed_tables(conn: sqlite3.Connection, table: str) -> list[str]:
    return [name for name in keyed_tables(table) if exists(conn, name)]


def embedded_tables(conn: sqlite3.Connection) -> list[EmbeddedTable]:
    """Every embedded table of the database, by name."""
    if not exists(conn, REGISTRY):
        return []
    columns = [field.name for field in fields(EmbeddedTable)]
    rows = conn.execute(
        f"select {', '.join(columns)} from {REGISTRY} order by table_name"
    ).fetchall()
    return [EmbeddedTable(*row) for row in rows]


def embedded(conn: sqlite3.Connection, table: str) -> EmbeddedTable | None:
    """The record of one embedded table, or None when it has not been embedded."""
    return next(
        (
            embedded
            for embedded in embedded_tables(conn)
            if fold_name(embedded.table_name) == fold_name(table)
        ),
        None,
    )


def require_embedded(conn: sqlite3.Connection, table: str) -> EmbeddedTable:
    """Return the record of an embedded table.

    Raises NotEmbeddedError when it has not been embedded, RevimgError when there is no such table.
    """
    recorded = embedded(conn, table)
    if recorded is None:
        find(conn, table)
        raise NotEmbeddedError(f"{table!r} is not embedded yet: run `datasette revimg embed` first")
    return recorded


def check_names(conn: sqlite3.Connection, source: Table, labels: bool = False) -> None:
    """RevimgError when the tables for ``source`` can't have their names, or its key columns."""
    keys = {fold_name(name) for name, _ in source.stored_keys}
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
    for embedded in embedded_tables(conn):
        if fold_name(embedded.table_name) != fold_name(source.name):
            others.update(map(fold_name, own_tables(embedded.table_name)))
    taken = others.intersection(map(fold_name, own_tables(source.name)))
    if taken:
        raise RevimgError(
            f"{source.name!r} can't be embedded under this name, {taken.pop()!r} is taken: "
            "rename the table, or embed a copy of it"
        )
