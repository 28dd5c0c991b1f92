"""The SQL functions ``revimg_probability`` and ``revimg_label``: a learnt classifier's word."""

from __future__ import annotations

import ctypes
import math
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import RevimgError
from ..store import classifiers, connection, registry, version
from ..vectors.classifier import Classifier
from ..vectors.cosine import VECTOR_DTYPE

# How long a classifier is used before the database is asked whether another one was learnt. A
# query's own view of the database doesn't change while it runs.
_FRESH_SECONDS = 0.05

# No float is larger than the exponential of this.
_LARGEST = 700.0


class _Classifiers:
    """The classifiers that a connection has asked for, as they are in its own database."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        # SQLite holds on to the functions. If these held on to the connection, Python could never
        # free it. While one of them runs, its connection is alive.
        self._address = id(conn)
        self._kept: dict[tuple[Any, Any], Classifier | None] = {}
        self._state: tuple[int, int] | None = None
        self._checked = 0.0

    def of(self, table: Any, column: Any) -> Classifier | None:
        """Return the classifier of a column, None without one that can be used."""
        self._check()
        try:
            return self._kept[table, column]
        except KeyError:
            found = self._kept[table, column] = _read(self._connection, table, column)
            return found
        except TypeError:
            return None

    @property
    def _connection(self) -> sqlite3.Connection:
        conn: sqlite3.Connection = ctypes.cast(self._address, ctypes.py_object).value
        return conn

    def _check(self) -> None:
        """Forget what is kept when the database has changed."""
        now = time.monotonic()
        conn = self._connection
        changes = conn.total_changes
        if self._state and changes == self._state[1] and now - self._checked < _FRESH_SECONDS:
            return
        state = connection.data_version(conn), changes
        self._checked = now
        if state != self._state:
            self._state = state
            self._kept.clear()


def register(conn: sqlite3.Connection) -> None:
    """Give a connection the functions.

    ``revimg_probability(table, column, label, embedding)`` is the probability of a label,
    ``revimg_label(table, column, embedding)`` the most probable label. Both are NULL where the
    column of the table was not learnt from vectors like this one, or doesn't know the label: a
    function can't tell SQLite why, and ``datasette revimg status`` does.
    """
    known = _Classifiers(conn)
    conn.create_function("revimg_probability", 4, _probability(known))
    conn.create_function("revimg_label", 3, _label(known))


def _probability(known: _Classifiers) -> Callable[[Any, Any, Any, Any], float | None]:
    exp = math.exp

    def revimg_probability(table: Any, column: Any, label: Any, embedding: Any) -> float | None:
        classifier = known.of(table, column)
        scores = _scores(classifier, embedding)
        place = classifier.place(label) if classifier else None
        if classifier is None or scores is None or place is None:
            return None
        own = scores[place]
        if classifier.several:
            return 1 / (1 + exp(min(-own, _LARGEST)))
        # The softmax, without arrays: of a few numbers that is the faster way.
        return 1 / sum([exp(min(score - own, _LARGEST)) for score in scores])

    return revimg_probability


def _label(known: _Classifiers) -> Callable[[Any, Any, Any], Any]:
    def revimg_label(table: Any, column: Any, embedding: Any) -> Any:
        classifier = known.of(table, column)
        scores = _scores(classifier, embedding)
        if classifier is None or scores is None:
            return None
        return classifier.classes[scores.index(max(scores))]

    return revimg_label


def _scores(classifier: Classifier | None, embedding: Any) -> list[float] | None:
    """Return the scores of the classes for a stored vector, of any length; None without one."""
    if classifier is None or not isinstance(embedding, bytes):
        return None
    if len(embedding) != classifier.dimension * VECTOR_DTYPE.itemsize:
        return None
    vector = np.frombuffer(embedding, VECTOR_DTYPE).astype(np.float64)
    length = math.sqrt(vector.dot(vector))
    if not 0.0 < length < math.inf:
        return None
    scores: list[float] = (classifier.weights.dot(vector) / length + classifier.biases).tolist()
    return scores


def _read(conn: sqlite3.Connection, table: Any, column: Any) -> Classifier | None:
    if not (isinstance(table, str) and isinstance(column, str)):
        return None
    try:
        version.check(conn, "this database")
        embedded = registry.embedded(conn, table)
        return classifiers.read(conn, embedded, column).classifier if embedded else None
    except RevimgError:
        return None
