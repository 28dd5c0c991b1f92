"""The table ``_revimg_classifiers``: what was learnt of each column, and from how many rows."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..vectors.classifier import Classifier, Label
from .connection import transaction
from .own_tables import CLASSIFIERS
from .registry import EmbeddedTable
from .schema import exists
from .sql import now

# Numbers of weights and biases as they are stored.
_DTYPE = np.dtype("<f8")

_COLUMNS = (
    "table_name, column_name, model, weights_sha256, preprocessing, dimension, several, classes, "
    "weights, biases, accuracy, examples, labels_sha256, at"
)


@dataclass(frozen=True, eq=False)
class StoredClassifier:
    """A classifier of a column, and what is known of it.

    ``accuracy`` is that of the cross-validation, ``examples`` the number of rows it was learnt
    from, ``fingerprint`` the hash of all their labels (see ``labels.fingerprint``), ``at`` the time
    in UTC.
    """

    column: str
    classifier: Classifier
    accuracy: float
    examples: int
    fingerprint: str
    at: str = ""


def write(conn: sqlite3.Connection, embedded: EmbeddedTable, learnt: StoredClassifier) -> None:
    """Keep a classifier of vectors like those of ``embedded``, in place of the former one."""
    classifier = learnt.classifier
    with transaction(conn):
        conn.execute(
            f"create table if not exists {CLASSIFIERS} (table_name text, column_name text, "
            "model text, weights_sha256 text, preprocessing text, dimension integer, "
            "several integer, classes text, weights blob, biases blob, accuracy real, "
            "examples integer, labels_sha256 text, at text, primary key (table_name, column_name))"
        )
        conn.execute(
            f"insert or replace into {CLASSIFIERS} ({_COLUMNS}) "
            f"values ({', '.join('?' * len(_COLUMNS.split(', ')))})",
            [
                embedded.table_name,
                learnt.column,
                embedded.model,
                embedded.weights_sha256,
                embedded.preprocessing,
                classifier.dimension,
                int(classifier.several),
                json.dumps(classifier.classes, ensure_ascii=False),
                classifier.weights.astype(_DTYPE).tobytes(),
                classifier.biases.astype(_DTYPE).tobytes(),
                learnt.accuracy,
                learnt.examples,
                learnt.fingerprint,
                now(),
            ],
        )


def read(conn: sqlite3.Connection, embedded: EmbeddedTable, column: str) -> StoredClassifier:
    """Return the classifier of a column.

    Raises RevimgError when nothing was learnt of it, or what was is damaged, or was learnt from
    vectors of another model than the table's.
    """
    advice = f"run `datasette revimg classify` for {column!r} of {embedded.table_name!r}"
    row = _row(conn, embedded.table_name, column)
    if row is None:
        raise RevimgError(f"nothing was learnt yet: {advice}")
    learnt = _parsed(row)
    if learnt is None:
        raise RevimgError(f"the stored classifier is damaged: {advice}")
    identity = (embedded.weights_sha256, embedded.preprocessing, embedded.dimension)
    if tuple(row[3:6]) != identity:
        raise RevimgError(
            f"the classifier was learnt from vectors of {row[2]}, which the table no longer has: "
            f"{advice}"
        )
    return learnt


def columns(conn: sqlite3.Connection, table: str) -> list[str]:
    """Return the names of the columns that were learnt of a table, in order."""
    if not exists(conn, CLASSIFIERS):
        return []
    rows = conn.execute(
        f"select column_name from {CLASSIFIERS} where table_name = ? collate nocase "
        "and typeof(column_name) = 'text' order by column_name",
        [table],
    )
    return [name for (name,) in rows]


def delete(conn: sqlite3.Connection, table: str) -> None:
    """Delete, within a transaction, all that was learnt of a table."""
    if exists(conn, CLASSIFIERS):
        conn.execute(f"delete from {CLASSIFIERS} where table_name = ? collate nocase", [table])
        (left,) = conn.execute(f"select count(*) from {CLASSIFIERS}").fetchone()
        if not left:
            conn.execute(f"drop table {CLASSIFIERS}")


def _row(conn: sqlite3.Connection, table: str, column: str) -> tuple[object, ...] | None:
    if not exists(conn, CLASSIFIERS):
        return None
    cursor = conn.execute(
        f"select {_COLUMNS} from {CLASSIFIERS} where table_name = ? collate nocase "
        "and column_name = ? collate nocase",
        [table, column],
    )
    cursor.row_factory = None
    row: tuple[object, ...] | None = cursor.fetchone()
    return row


def _parsed(row: tuple[object, ...]) -> StoredClassifier | None:
    """Return the classifier in a row, None when it is damaged."""
    dimension, several, classes, weights, biases, accuracy, examples, fingerprint, at = row[5:]
    try:
        labels: tuple[Label, ...] = tuple(json.loads(str(classes)))
        matrix = np.frombuffer(weights, _DTYPE).reshape(len(labels), int(str(dimension)))  # type: ignore[call-overload]
        vector = np.frombuffer(biases, _DTYPE).reshape(len(labels))  # type: ignore[call-overload]
        learnt = StoredClassifier(
            str(row[1]),
            Classifier(labels, matrix, vector, bool(several)),
            float(str(accuracy)),
            int(str(examples)),
            str(fingerprint),
            str(at),
        )
    except (ValueError, TypeError):
        return None
    sound = (
        labels
        and all(isinstance(label, str | int | float) for label in labels)
        and np.isfinite(matrix).all()
        and np.isfinite(vector).all()
    )
    return learnt if sound else None
