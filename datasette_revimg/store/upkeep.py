"""Keep the codes, which make searches fast, and the percentiles of scores up to date.

Codes of new vectors are appended as these are written. This module does what can't be done in
passing: it makes the first codes, makes new ones when the collection has changed its nature, and
samples pairs for the distribution of cosines.
"""

from __future__ import annotations

import itertools
import sqlite3

import numpy as np

from ..errors import CodesError
from ..keys import Key
from ..vectors import codes, percentiles
from ..vectors.cosine import VECTOR_DTYPE
from . import code_chunks, code_keys, code_log, code_tables, distributions, reading, registry
from .code_chunks import CHUNK
from .code_tables import CodesState
from .connection import transaction
from .tables import Table

# Vectors that a basis is fitted to: enough for the directions of any collection, 134 MB.
FIT_SAMPLE = 8192

# A scan's batches that are coded in one transaction: 67 MB of 4096-float vectors.
BATCHES = 8

# A basis is fitted again when the mean squared residual of the vectors added since, at least
# DRIFT_LEAST of them, is DRIFT times the one expected; and when the collection has grown GROWTH
# times, because the fit then knows little of it.
DRIFT = 1.2
DRIFT_LEAST = 1000
GROWTH = 4

# Entries of rows that were changed or removed since, as a share of the log, before it is rewritten.
WASTE = 0.25

# The sample of pairs is taken again when the collection has grown by this factor.
DISTRIBUTION_GROWTH = 1.5


def maintain(conn: sqlite3.Connection, source: Table) -> None:
    """Make the codes that are due; costs next to nothing when none are."""
    state = code_tables.read_state(conn, source.name)
    embedded = registry.embedded(conn, source.name)
    if state and embedded and _due(state, embedded.dimension):
        rebuild(conn, source)


def finish(conn: sqlite3.Connection, source: Table) -> None:
    """End a run: replace damaged codes, make those that are due, and sample pairs if need be."""
    state = code_tables.read_state(conn, source.name)
    if state is None:
        return
    vectors = reading.count_vectors(conn, source)
    if state.vectors != vectors or not _intact(conn, source, state):
        # Another program has written to our tables, or the file was damaged.
        with transaction(conn):
            code_tables.start_over(conn, source.name)
    maintain(conn, source)
    _sample_pairs(conn, source, vectors)


def rebuild(conn: sqlite3.Connection, source: Table) -> bool:
    """Fit a basis and write all codes anew; return whether it was done.

    It isn't done if there is no vector, or if vectors were changed meanwhile. Each transaction
    takes a moment only: the database stays usable, and the former codes stay in use until the
    last one.
    """
    state = code_tables.read_state(conn, source.name)
    sample = reading.sample_vectors(conn, source, FIT_SAMPLE)
    if state is None or not len(sample):
        return False
    basis, residual = codes.fit(sample, state.vectors)
    generation = code_tables.new_number()
    with transaction(conn):
        # Chunks that an interrupted rebuild may have left.
        code_tables.discard_unused(conn, source.name)
    entries = _write_codes(conn, source, basis, generation)
    with transaction(conn):
        adopted = code_log.adopt(
            conn,
            source.name,
            state,
            generation=generation,
            basis=basis,
            entries=entries,
            residual=residual,
        )
        code_tables.discard_unused(conn, source.name)
    return adopted


def _write_codes(
    conn: sqlite3.Connection, source: Table, basis: np.ndarray, generation: int
) -> int:
    """Write the codes of all vectors, and return their number."""
    entries = 0
    # Nothing is being read while a batch is written: a reader can't wait for the lock.
    pages = reading.pages(reading.stored_keys(conn, source))
    while group := list(itertools.islice(pages, BATCHES)):
        coded = []
        for page in group:
            keys, vectors = reading.stored_vectors(conn, source, page)
            coded.append((keys, codes.encode(basis, vectors)))
        with transaction(conn):
            for keys, part in coded:
                code_chunks.write_chunks(
                    conn, source.name, generation, entries // CHUNK, keys, part
                )
                entries += len(keys)
    return entries


def _due(state: CodesState, dimension: int) -> bool:
    if state.generation is None:
        return state.vectors * dimension * VECTOR_DTYPE.itemsize > codes.WHOLE_BYTES
    if state.coded > (1 + WASTE) * state.vectors + CHUNK or state.vectors > GROWTH * state.fitted:
        return True
    drifted = state.added_residual > DRIFT * state.residual * state.added
    return state.added >= DRIFT_LEAST and drifted


def _intact(conn: sqlite3.Connection, source: Table, state: CodesState) -> bool:
    if state.generation is None:
        return True
    embedded = registry.embedded(conn, source.name)
    try:
        code_tables.read_basis(conn, source.name, state, embedded.dimension if embedded else 0)
        if state.coded == state.vectors:
            # Nothing was written twice, so keys need no comparing.
            return all(
                code_log.holds_vector(chunk.coded.residuals).all()
                for chunk in code_chunks.read_chunks(conn, source.name, state)
            )
        return len(_keys_that_hold(conn, source, state)) == state.vectors
    except (CodesError, ValueError):
        return False


def _keys_that_hold(conn: sqlite3.Connection, source: Table, state: CodesState) -> set[Key]:
    holding: set[Key] = set()
    for chunk in code_chunks.read_chunks(conn, source.name, state):
        keys = code_keys.unpack(chunk.packed)
        for key, holds in zip(keys, code_log.holds_vector(chunk.coded.residuals), strict=True):
            (holding.add if holds else holding.discard)(key)
    return holding


def _sample_pairs(conn: sqlite3.Connection, source: Table, vectors: int) -> None:
    stored = distributions.read(conn, source.name)
    if vectors < 2 or (stored and vectors < DISTRIBUTION_GROWTH * stored.vectors):
        return
    sample = reading.sample_vectors(conn, source, percentiles.SAMPLE)
    if len(sample) >= 2:
        with transaction(conn):
            distributions.write(conn, source.name, percentiles.from_sample(sample, vectors))
