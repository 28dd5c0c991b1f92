"""Whiten a table's vectors with what is learnt from themselves, once they are stored."""

from __future__ import annotations

import sqlite3

from ..errors import RevimgError
from ..models.catalogue import RMAC_FLOAT32, VGG16_RMAC, Model
from ..store import reading
from ..store import whitening as stored
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.whitening import LEAST_ROWS, Whitening, learn

# From this many vectors on it is worth mentioning.
OFFERED_ROWS = 2000

# Vectors to learn from, spread over the table: 134 MB of 4096 floats.
SAMPLE = 8192


def check_enough(table: str, vectors: int) -> None:
    """Raise RevimgError when a table has, or can have, too few vectors to learn from."""
    if vectors < LEAST_ROWS:
        raise RevimgError(
            f"--whiten learns from the table's own pictures what they have in common, and needs "
            f"{LEAST_ROWS:,} of them: {table!r} has {vectors:,}, of which too much would be in "
            "common by chance; embed it without --whiten"
        )


def worth(conn: sqlite3.Connection, source: Table, model: Model) -> int:
    """Return how many vectors there are to learn from; 0 where it isn't worth mentioning.

    That is where they are few, or whitened by what was learnt from these or other pictures.
    """
    if model.whitening or model.name in (VGG16_RMAC.name, RMAC_FLOAT32):
        return 0
    count = reading.count_live(conn, source)
    return count if count >= OFFERED_ROWS else 0


def whiten(conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable) -> Whitening:
    """Learn from a table's vectors, and whiten them all; return what was learnt.

    ``embedded`` is the table's record. RevimgError when there are too few vectors, or they can't
    be told apart; then they stay as they are.
    """
    check_enough(source.name, reading.count_live(conn, source))
    sample = reading.sample_vectors(conn, source, SAMPLE)
    try:
        whitening = learn(sample)
    except ValueError as error:
        raise RevimgError(f"{source.name!r} can't be whitened: {error}") from error
    stored.adopt(conn, source, embedded, whitening)
    return whitening
