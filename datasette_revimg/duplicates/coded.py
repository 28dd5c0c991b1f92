"""The codes of a table's pictures, in the order in which these are compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CodesError
from ..keys import Key
from ..store import code_chunks, code_keys, code_log, code_tables, reading, upkeep
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors import codes
from ..vectors.codes import Coded
from ..vectors.cosine import VECTOR_DTYPE


@dataclass(frozen=True)
class CodedRows:
    """The codes of some rows, in the rows' order, and the basis that they are coordinates in.

    ``present``, bool (n,), are the rows that have one. A row without a code has no vector, or a
    damaged one. The ``basis`` is None where the vectors themselves are the codes.
    """

    coded: Coded
    present: np.ndarray
    basis: np.ndarray | None


def read_codes(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, keys: Sequence[Key]
) -> CodedRows:
    """Return the codes of the rows with these keys.

    The stored codes are used if they can be, others are computed. A small table needs none: its
    vectors themselves are the codes, and nothing is left over.
    """
    if len(keys) * embedded.dimension * VECTOR_DTYPE.itemsize <= codes.WHOLE_BYTES:
        return encode_rows(conn, source, keys, embedded.dimension, None)
    state = code_tables.read_state(conn, source.name)
    if state is not None and state.generation is not None:
        try:
            basis = code_tables.read_basis(conn, source.name, state, embedded.dimension)
            return _with_stored(conn, source, state, basis, keys)
        except CodesError:
            # Only a search is slower without them; the next ``embed`` makes new ones.
            pass
    sample = reading.sample_vectors(conn, source, upkeep.FIT_SAMPLE)
    basis, _ = codes.fit(sample, len(keys))
    return encode_rows(conn, source, keys, embedded.dimension, basis)


def encode_rows(
    conn: sqlite3.Connection,
    source: Table,
    keys: Sequence[Key],
    dimension: int,
    basis: np.ndarray | None,
) -> CodedRows:
    """Return the codes of rows in a basis float32 (d, D), computed from their vectors."""
    places = {key: place for place, key in enumerate(keys)}
    coded, present = _empty(len(keys), dimension if basis is None else len(basis))
    _fill(conn, source, keys, places, basis, coded, present)
    return CodedRows(coded, present, basis)


def _with_stored(
    conn: sqlite3.Connection,
    source: Table,
    state: code_tables.CodesState,
    basis: np.ndarray,
    keys: Sequence[Key],
) -> CodedRows:
    places = {key: place for place, key in enumerate(keys)}
    coded, present = _empty(len(keys), len(basis))
    for chunk in code_chunks.read_chunks(conn, source.name, state):
        chunk_keys = code_keys.unpack(chunk.packed)
        entries = np.array([places.get(key, -1) for key in chunk_keys], np.int64)
        entries[~code_log.holds_vector(chunk.coded.residuals)] = -1
        known = entries >= 0
        # The last entry of a key is the one that holds: numpy assigns in order.
        coded.codes[entries[known]] = chunk.coded.codes[known]
        coded.residuals[entries[known]] = chunk.coded.residuals[known]
        present[entries[known]] = True
    without = [keys[place] for place in np.flatnonzero(~present).tolist()]
    _fill(conn, source, without, places, basis, coded, present)
    return CodedRows(coded, present, basis)


def _empty(count: int, width: int) -> tuple[Coded, np.ndarray]:
    coded = Coded(np.zeros((count, width), np.float32), np.zeros(count, np.float32))
    return coded, np.zeros(count, bool)


def _fill(
    conn: sqlite3.Connection,
    source: Table,
    keys: Sequence[Key],
    places: dict[Key, int],
    basis: np.ndarray | None,
    coded: Coded,
    present: np.ndarray,
) -> None:
    for some, vectors in reading.vectors_of(conn, source, keys):
        at = [places[key] for key in some]
        if basis is None:
            coded.codes[at] = vectors
        else:
            part = codes.encode(basis, vectors)
            coded.codes[at], coded.residuals[at] = part.codes, part.residuals
        present[at] = True
