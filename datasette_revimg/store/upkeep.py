"""Keep what makes searches fast and scores readable in step with the vectors: codes, background.

Codes of new vectors are appended as these are written. Here is what can't be done in passing: the
first codes, new ones when the collection has changed its nature, and the sample of pairs.
"""

from __future__ import annotations

import itertools
import sqlite3

import numpy as np
import sqlite_utils

from ..keys import Key
from ..vectors import codes, percentiles
from . import code_log, reading, registry
from .code_log import CHUNK, CodesError, State
from .tables import Table

# Vectors that a basis is fitted to: enough for the directions of any collection, 134 MB.
FIT_SAMPLE = 8192

# Scans' batches that are coded in one transaction: 67 MB of 4096-float vectors.
BATCHES = 8

# A basis is fitted again when what it leaves of the vectors added since is so much more than what
# it left then; and when the collection has grown so much that the fit knows little of it.
DRIFT = 1.2
DRIFT_LEAST = 1000
GROWTH = 4

# Entries of rows that were changed or removed since, as a share of the log, before it is rewritten.
WASTE = 0.25

# The sample of pairs is taken again when the collection has grown by this factor.
BACKGROUND_GROWTH = 1.5


def maintain(conn: sqlite3.Connection, source: Table) -> None:
    """Make the codes that are due; costs next to nothing when none are."""
    known = code_log.state(conn, source.name)
    embedded = registry.embedded(conn, source.name)
    if known and embedded and _due(known, embedded.dimension):
        rebuild(conn, source)


def finish(conn: sqlite3.Connection, source: Table) -> None:
    """After a run: replace damaged codes, make what is due, and sample pairs if need be."""
    known = code_log.state(conn, source.name)
    if known is None:
        return
    vectors = reading.count_vectors(conn, source)
    if known.vectors != vectors or not _intact(conn, source, known):
        # Somebody else has written to our tables, or the file was damaged.
        with sqlite_utils.Database(conn, execute_plugins=False).atomic():
            code_log.start_over(conn, source.name)
    maintain(conn, source)
    _sample_pairs(conn, source, vectors)


def _due(known: State, dimension: int) -> bool:
    if known.generation is None:
        return known.vectors * dimension * registry.VECTOR_DTYPE.itemsize > codes.WHOLE_BYTES
    if known.coded > (1 + WASTE) * known.vectors + CHUNK or known.vectors > GROWTH * known.fitted:
        return True
    drifted = known.added_residual > DRIFT * known.residual * known.added
    return known.added >= DRIFT_LEAST and drifted


def _intact(conn: sqlite3.Connection, source: Table, known: State) -> bool:
    if known.generation is None:
        return True
    embedded = registry.embedded(conn, source.name)
    try:
        code_log.directions(conn, source.name, known, embedded.dimension if embedded else 0)
        if known.coded == known.vectors:
            # Nothing was written twice, so keys need no comparing.
            return all(
                code_log.is_current(chunk.coded.residuals).all()
                for chunk in code_log.chunks(conn, source.name, known)
            )
        current: set[Key] = set()
        for chunk in code_log.chunks(conn, source.name, known):
            for key, here in zip(
                code_log.unpack(chunk.packed),
                code_log.is_current(chunk.coded.residuals),
                strict=True,
            ):
                (current.add if here else current.discard)(key)
    except (CodesError, ValueError):
        return False
    return len(current) == known.vectors


def rebuild(conn: sqlite3.Connection, source: Table) -> bool:
    """Fit a basis and write all codes anew, in transactions of a moment each: the database stays
    usable, and the former codes stay in use until the last one.

    Returns whether it was done: not if there is no vector, or if they were changed meanwhile.
    """
    known = code_log.state(conn, source.name)
    sample = reading.sample_vectors(conn, source, FIT_SAMPLE)
    if known is None or not len(sample):
        return False
    basis, residual = codes.fit(sample, known.vectors)
    generation = code_log.new_number()
    database = sqlite_utils.Database(conn, execute_plugins=False)
    with database.atomic():
        # What an interrupted rebuild may have left.
        code_log.discard_unused(conn, source.name)
    entries = _write_codes(database, source, basis, generation)
    with database.atomic():
        adopted = code_log.adopt(
            conn, source.name, known.revision, generation, basis, entries, residual
        )
        code_log.discard_unused(conn, source.name)
    return adopted


def _write_codes(
    database: sqlite_utils.Database, source: Table, basis: np.ndarray, generation: int
) -> int:
    """Write the codes of all vectors; how many there are."""
    entries = 0
    batches = reading.all_vectors(database.conn, source)
    while group := list(itertools.islice(batches, BATCHES)):
        with database.atomic():
            for keys, vectors in group:
                coded = codes.encode(basis, vectors)
                code_log.write_chunks(
                    database.conn, source.name, generation, entries // CHUNK, keys, coded
                )
                entries += len(keys)
    return entries


def _sample_pairs(conn: sqlite3.Connection, source: Table, vectors: int) -> None:
    sampled = code_log.background(conn, source.name)
    if vectors < 2 or (sampled and vectors < BACKGROUND_GROWTH * sampled.vectors):
        return
    sample = reading.sample_vectors(conn, source, percentiles.SAMPLE)
    if len(sample) >= 2:
        with sqlite_utils.Database(conn, execute_plugins=False).atomic():
            code_log.write_background(conn, source.name, percentiles.from_sample(sample, vectors))
