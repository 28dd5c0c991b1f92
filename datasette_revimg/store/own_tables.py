"""The tables of results computed for one of the user's tables: their names and columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from ..errors import RevimgError
from . import code_tables
from .failed_rows import FAILURES
from .registry import REGISTRY, embedded_tables
from .schema import exists
from .sql import PREFIX, fold_name, quote, quote_all
from .tables import Table
from .version import META

_COLUMNS = {"embedding", "content_hash", "thumbnail", "width", "height"}

# SQL that is true of a picture's size as it is stored beside its thumbnail.
SOUND_SIZE = (
    "typeof(width) = 'integer' and width between 1 and 1000000000 "
    "and typeof(height) = 'integer' and height between 1 and 1000000000"
)

_LABEL_COLUMNS = {"label", "score"}

# One row for each table whose pictures were compared with each other, see ``comparisons``.
COMPARISONS = "_revimg_comparisons"

# One row for each calibrated table, see ``calibrations``.
CALIBRATION = "_revimg_calibration"

# One row for each column that was learnt, see ``classifiers``.
CLASSIFIERS = "_revimg_classifiers"

# The tables of results that are not of one table alone.
SHARED = (REGISTRY, FAILURES, COMPARISONS, CALIBRATION, CLASSIFIERS, META)


def vectors_table(table: str) -> str:
    """Return the name of the table that holds the vectors of ``table``."""
    return PREFIX + table


def hashes_index(table: str) -> str:
    """Return the name of the index that finds the vectors of ``table`` by their content hash."""
    return f"{PREFIX}{table}_content_hashes"


def thumbnails_table(table: str) -> str:
    """Return the name of the table that holds the thumbnails of ``table``."""
    return f"{PREFIX}{table}_thumbnails"


def labels_table(table: str) -> str:
    """Return the name of the table that holds the labels of ``table``."""
    return f"{PREFIX}{table}_labels"


def compared_table(table: str) -> str:
    """Return the name of the table of the pictures of ``table`` that were compared."""
    return f"{PREFIX}{table}_compared"


def pairs_table(table: str) -> str:
    """Return the name of the table of pairs of similar pictures of ``table``."""
    return f"{PREFIX}{table}_pairs"


def orientations_table(table: str) -> str:
    """Return the name of the table of the vectors of the turned pictures of ``table``."""
    return f"{PREFIX}{table}_orientations"


def duplicates_table(table: str) -> str:
    """Return the name of the table of the groups of duplicates in ``table``."""
    return f"{PREFIX}{table}_duplicates"


def decisions_table(table: str) -> str:
    """Return the name of the table of what people have said of pairs of pictures of ``table``."""
    return f"{PREFIX}{table}_decisions"


def predictions_table(table: str) -> str:
    """Return the name of the table of what classifiers suggest for rows of ``table``."""
    return f"{PREFIX}{table}_predictions"


def whitening_table(table: str) -> str:
    """Return the name of the table of what the vectors of ``table`` are whitened with."""
    return f"{PREFIX}{table}_whitening"


def names(table: str) -> tuple[str, ...]:
    """Return the names of all tables of results for ``table`` alone.

    The table of its labels exists only if it was embedded with labels, those of its pairs only if
    its pictures were compared, that of its whitening only if its vectors were whitened.
    """
    return (
        *keyed_names(table),
        code_tables.codes_table(table),
        code_tables.basis_table(table),
        compared_table(table),
        pairs_table(table),
        orientations_table(table),
        decisions_table(table),
        whitening_table(table),
    )


def _all_names(table: str) -> tuple[str, ...]:
    """Return the names of everything that is made for ``table`` alone: tables and an index."""
    return (*names(table), hashes_index(table))


def keyed_names(table: str) -> tuple[str, ...]:
    """Return the names of those tables that have the key of ``table``."""
    return (
        vectors_table(table),
        thumbnails_table(table),
        labels_table(table),
        duplicates_table(table),
        predictions_table(table),
    )


def existing_keyed_names(conn: sqlite3.Connection, table: str) -> list[str]:
    """Return the names of the tables that have the key of ``table`` and exist."""
    return [name for name in keyed_names(table) if exists(conn, name)]


def create(conn: sqlite3.Connection, source: Table, labels: bool) -> None:
    """Create the tables for ``source`` where they are missing, that of its ``labels`` if asked."""
    keys = ", ".join(f"{quote(name)} {declared}".strip() for name, declared in source.stored_keys)
    primary_key = quote_all(source.stored_columns)
    conn.execute(
        f"create table if not exists {quote(vectors_table(source.name))} "
        f"({keys}, embedding blob not null, content_hash blob, primary key ({primary_key}))"
    )
    conn.execute(
        f"create index if not exists {quote(hashes_index(source.name))} "
        f"on {quote(vectors_table(source.name))} (content_hash)"
    )
    conn.execute(
        f"create table if not exists {quote(thumbnails_table(source.name))} "
        f"({keys}, thumbnail blob, width integer, height integer, primary key ({primary_key}))"
    )
    if labels:
        # The second index finds all pictures of a label. As a constraint it needs no name, which
        # might be that of a table of the user's.
        conn.execute(
            f"create table if not exists {quote(labels_table(source.name))} "
            f"({keys}, label text, score real, "
            f"primary key ({primary_key}, label), unique (label, {primary_key}))"
        )
    code_tables.create(conn, source.name)


def check_key_columns(
    source: Table, needed: Collection[str], content: str, otherwise: str = "use a copy of the table"
) -> None:
    """Check that a table with the key of ``source`` can have the ``needed`` columns beside it.

    Raises RevimgError when it can't. ``content`` is what that table holds, and ``otherwise`` what
    there is to do but to rename a column.
    """
    clash = set(needed).intersection(map(fold_name, source.stored_columns))
    if clash:
        raise RevimgError(
            f"{source.name!r} has a key column named {clash.pop()!r}, a name that the table of "
            f"its {content} needs: rename that column, or {otherwise}"
        )


def check_names(conn: sqlite3.Connection, source: Table, labels: bool = False) -> None:
    """Check that the tables for ``source`` can have their names and its key columns.

    Raises RevimgError when they can't.
    """
    check_key_columns(source, _COLUMNS, "vectors", "embed a copy of the table")
    if labels:
        check_key_columns(source, _LABEL_COLUMNS, "labels", "embed without --labels")
    others = set(SHARED)
    for embedded in embedded_tables(conn):
        if fold_name(embedded.table_name) != fold_name(source.name):
            others.update(map(fold_name, _all_names(embedded.table_name)))
    taken = others.intersection(map(fold_name, _all_names(source.name)))
    if taken:
        raise RevimgError(
            f"{source.name!r} can't be embedded under this name, because {taken.pop()!r} is "
            "taken: rename the table, or embed a copy of it"
        )
