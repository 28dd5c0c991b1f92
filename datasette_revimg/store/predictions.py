"""The table ``_revimg_TABLE_predictions``: what classifiers suggest for rows without a label."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..vectors.classifier import Classifier, Label, best_two
from . import classifiers, labels, own_tables, reading
from .classifiers import StoredClassifier
from .connection import transaction
from .own_tables import predictions_table
from .registry import EmbeddedTable
from .schema import exists
from .sql import equalities, placeholders, quote, quote_all
from .tables import Table

_COLUMNS = ("column", "label", "probability", "second")

# Rows whose suggestions are written in one transaction.
_BATCH = 4096


@dataclass(frozen=True)
class Prediction:
    """A suggestion for a row: the label, its probability, and the second best label.

    Where a row may have several labels, it has a suggestion for each one that is more likely than
    not, without a second best.
    """

    key: Key
    label: Label
    probability: float
    second: Label | None


def of_vectors(
    classifier: Classifier, keys: Sequence[Key], vectors: np.ndarray
) -> list[Prediction]:
    """Return the suggestions for rows with these vectors, float32 (n, D)."""
    probabilities = classifier.probabilities(vectors)
    classes = classifier.classes
    if classifier.several:
        return [
            Prediction(key, classes[place], float(row[place]), None)
            for key, row in zip(keys, probabilities, strict=True)
            for place in np.argsort(-row, kind="stable").tolist()
            if row[place] > 0.5
        ]
    return [
        Prediction(key, *best_two(classes, row))
        for key, row in zip(keys, probabilities, strict=True)
    ]


def check_names(source: Table) -> None:
    """Raise RevimgError when the table of predictions can't have the key columns of ``source``."""
    own_tables.check_key_columns(source, _COLUMNS, "predictions")


def predict(conn: sqlite3.Connection, source: Table, learnt: StoredClassifier) -> int:
    """Replace all suggestions for a column, and return how many rows have one now."""
    keys = labels.unlabelled(conn, source, learnt.column)
    with transaction(conn):
        _create(conn, source)
        conn.execute(
            f'delete from {quote(predictions_table(source.name))} where "column" = ?',
            [learnt.column],
        )
    return _predict(conn, source, learnt, keys)


def update(conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable) -> list[str]:
    """Suggest labels for rows that have none yet, by all classifiers of the table.

    Suggestions for rows that have a label by now are removed. Returns a sentence for each
    classifier that can't be used, or whose examples have other labels now.
    """
    said = []
    for column in classifiers.columns(conn, source.name):
        try:
            learnt = classifiers.read(conn, embedded, column)
            labels.column_of(source, column)
        except RevimgError as error:
            said.append(f"{column}: {error}")
            continue
        if labels.fingerprint(labels.read(conn, source, column)) != learnt.fingerprint:
            said.append(
                f"{column}: its labels have changed since they were learnt: run `datasette revimg "
                "classify` again"
            )
        with transaction(conn):
            _create(conn, source)
            done = _known(conn, source, column)
            open_keys = labels.unlabelled(conn, source, column)
            _delete(conn, source, column, list(done.difference(open_keys)))
        _predict(conn, source, learnt, [key for key in open_keys if key not in done])
    return said


def read(conn: sqlite3.Connection, source: Table, column: str) -> list[Prediction]:
    """Return the suggestions for a column, the least certain first."""
    if not exists(conn, predictions_table(source.name)):
        return []
    stored = quote_all(source.stored_columns)
    cursor = conn.execute(
        f"select {stored}, label, probability, second from "
        f'{quote(predictions_table(source.name))} where "column" = ? '
        f"and typeof(probability) = 'real' order by probability, {stored}",
        [column],
    )
    cursor.row_factory = None
    return [Prediction(row[:-3], *row[-3:]) for row in cursor]


def forget_rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> None:
    """Delete, within a transaction, the suggestions for rows whose vector is another one now."""
    if exists(conn, predictions_table(source.name)):
        conn.executemany(
            f"delete from {quote(predictions_table(source.name))} "
            f"where {equalities(source.stored_columns)}",
            keys,
        )


def _create(conn: sqlite3.Connection, source: Table) -> None:
    check_names(source)
    own_tables.check_names(conn, source)
    keys = ", ".join(f"{quote(name)} {declared}".strip() for name, declared in source.stored_keys)
    primary_key = quote_all(source.stored_columns)
    # The second index finds all rows of a label. As a constraint it needs no name, which might be
    # that of a table of the user's.
    conn.execute(
        f"create table if not exists {quote(predictions_table(source.name))} ({keys}, "
        '"column" text, label, probability real, second, '
        f'primary key ({primary_key}, "column", label), unique ("column", label, {primary_key}))'
    )


def _known(conn: sqlite3.Connection, source: Table, column: str) -> set[Key]:
    cursor = conn.execute(
        f"select distinct {quote_all(source.stored_columns)} "
        f'from {quote(predictions_table(source.name))} where "column" = ?',
        [column],
    )
    cursor.row_factory = None
    return set(cursor)


def _delete(conn: sqlite3.Connection, source: Table, column: str, keys: Sequence[Key]) -> None:
    conn.executemany(
        f"delete from {quote(predictions_table(source.name))} "
        f'where {equalities(source.stored_columns)} and "column" = ?',
        [(*key, column) for key in keys],
    )


def _predict(
    conn: sqlite3.Connection, source: Table, learnt: StoredClassifier, keys: Sequence[Key]
) -> int:
    names = (*source.stored_columns, *_COLUMNS)
    insert = (
        f"insert or replace into {quote(predictions_table(source.name))} ({quote_all(names)}) "
        f"values ({placeholders(len(names))})"
    )
    rows = 0
    for start in range(0, len(keys), _BATCH):
        found = [
            prediction
            for some, vectors in reading.vectors_of(conn, source, keys[start : start + _BATCH])
            for prediction in of_vectors(learnt.classifier, some, vectors)
        ]
        with transaction(conn):
            conn.executemany(
                insert,
                [
                    (*one.key, learnt.column, one.label, one.probability, one.second)
                    for one in found
                ],
            )
        rows += len({one.key for one in found})
    return rows
