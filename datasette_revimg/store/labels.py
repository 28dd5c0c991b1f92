"""Labels that people have given: the values of a column, and suggestions written into it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import RevimgError
from ..keys import Key, key_json
from ..vectors.classifier import Label
from . import reading
from .connection import transaction
from .own_tables import vectors_table
from .sql import equalities, fold_name, quote, quote_all
from .tables import Table


def column_of(source: Table, column: str) -> str:
    """Return a column's name as the table has it. RevimgError without it, or for one of its key."""
    names = {fold_name(name): name for name in source.columns}
    name = names.get(fold_name(column))
    if name is None:
        others = [name for name in source.columns if name not in source.key_columns]
        raise RevimgError(
            f"{source.name!r} has no column {column!r}"
            + (f"; it has {', '.join(others[:10])}" if others else "")
        )
    if name in source.key_columns:
        raise RevimgError(f"{name!r} is the key of {source.name!r}, and can't be learnt")
    return name


def read(conn: sqlite3.Connection, source: Table, column: str) -> list[tuple[Key, Label]]:
    """Return key and value of the rows that have a vector and a value in the column, by key.

    Neither NULL nor text of nothing but spaces is a value. RevimgError for a BLOB, naming the row.
    """
    stored, value = quote_all(source.stored_columns), quote(column)
    keys = quote_all(source.key_columns)
    cursor = conn.execute(
        f"select {keys}, iif(typeof({value}) = 'blob', x'', {value}) from {quote(source.name)} "
        f"where {_labelled(value)} and {source.present} "
        f"and ({keys}) in (select {stored} from {quote(vectors_table(source.name))}) "
        f"order by {keys}"
    )
    cursor.row_factory = None
    labels = []
    for row in cursor:
        if isinstance(row[-1], bytes):
            raise RevimgError(
                f"row {', '.join(map(str, row[:-1]))} of {source.name!r} has a BLOB in {column!r}, "
                "which is no label: choose a column of text or numbers"
            )
        labels.append((row[:-1], row[-1]))
    return labels


def unlabelled(conn: sqlite3.Connection, source: Table, column: str) -> list[Key]:
    """Return the keys of the live rows that have a vector, and no value in the column."""
    return reading.embedded_keys(conn, source.name, f"not {_labelled(quote(column))}")


def fingerprint(labels: Iterable[tuple[Key, Label]]) -> str:
    """Return a hash, in hex, of which rows have which label."""
    digest = hashlib.sha256()
    for key, label in labels:
        digest.update(f"{key_json(key)} {json.dumps(label)}\n".encode())
    return digest.hexdigest()


def write(
    conn: sqlite3.Connection, source: Table, column: str, labels: Sequence[tuple[Key, Any]]
) -> int:
    """Write labels into the user's own column, in one transaction, and return how many.

    Rows that have a value by now keep it.
    """
    value = quote(column)
    with transaction(conn):
        return sum(
            conn.execute(
                f"update {quote(source.name)} set {value} = ? "
                f"where {equalities(source.key_columns)} and not {_labelled(value)}",
                [label, *key],
            ).rowcount
            for key, label in labels
        )


def _labelled(value: str) -> str:
    return f"({value} is not null and trim({value}) != '')"
