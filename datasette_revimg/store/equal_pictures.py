"""Find what is stored for the bytes of a picture, whichever row has them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..keys import Key
from . import reading
from .connection import connect
from .own_tables import SOUND_SIZE, labels_table, thumbnails_table, vectors_table
from .sql import equalities, quote, quote_all
from .tables import Table


@dataclass(frozen=True)
class StoredPicture:
    """Everything that is stored for a picture.

    ``vector`` is its unit vector float32 (D,), ``thumbnail`` a WebP, ``width`` and ``height`` are
    those of the picture in pixels, ``format`` and ``taken`` those of its row, in a table made from
    files, and ``labels`` its classes and their probabilities, where these were asked for.
    """

    vector: np.ndarray
    thumbnail: bytes
    width: int
    height: int
    format: str = ""
    taken: str | None = None
    labels: Sequence[tuple[str, float]] = ()


# The SHA-256 of a picture's bytes → what is stored for them, None if nothing is.
Find = Callable[[bytes], StoredPicture | None]


@contextmanager
def open_finder(path: Path, source: Table, *, labels: bool, files: bool) -> Iterator[Find]:
    """Yield a function that finds what is stored for a picture's SHA-256, for several threads.

    With ``labels``, a picture without any doesn't count; with ``files``, one whose format isn't in
    its row of a table made from files. The function has a connection of its own, and finds what
    has been committed. While another program keeps the database locked, it finds nothing.
    """
    lock = threading.Lock()
    with closing(connect(path, shared=True)) as conn:

        def find(content_hash: bytes) -> StoredPicture | None:
            with lock:
                try:
                    return _find(conn, source, content_hash, labels, files)
                except sqlite3.OperationalError:
                    return None

        yield find


def _find(
    conn: sqlite3.Connection, source: Table, content_hash: bytes, labels: bool, files: bool
) -> StoredPicture | None:
    names = quote_all(source.stored_columns)
    condition = f"where {equalities(source.stored_columns)}"
    rows = conn.execute(
        f"select {names} from {quote(vectors_table(source.name))} where content_hash = ? limit 5",
        [content_hash],
    ).fetchall()
    for key in rows:
        _, vectors = reading.stored_vectors(conn, source, [key])
        thumbnails = conn.execute(
            f"select thumbnail, width, height from {quote(thumbnails_table(source.name))} "
            f"{condition} and typeof(thumbnail) = 'blob' and length(thumbnail) and {SOUND_SIZE}",
            key,
        ).fetchall()
        facts = _facts(conn, source, key) if files else ("", None)
        best = _labels(conn, source, key) if labels else []
        if len(vectors) and thumbnails and facts and (best or not labels):
            thumbnail, width, height = thumbnails[0]
            return StoredPicture(vectors[0], thumbnail, width, height, *facts, labels=best)
    return None


def _facts(conn: sqlite3.Connection, source: Table, key: Key) -> tuple[str, str | None] | None:
    """Return format and date of a file, None where its row has no format."""
    query = f"select format, taken from {quote(source.name)} where path = ?"
    row = conn.execute(f"{query} and typeof(format) = 'text'", key).fetchone()
    return (row[0], row[1]) if row else None


def _labels(conn: sqlite3.Connection, source: Table, key: Key) -> list[tuple[str, float]]:
    table, condition = quote(labels_table(source.name)), equalities(source.stored_columns)
    return conn.execute(f"select label, score from {table} where {condition}", key).fetchall()
