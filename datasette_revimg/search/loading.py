"""Read an index from a database, and bring it up to date with later entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..errors import CodesError
from ..keys import Key
from ..store import code_chunks, code_keys, code_log, code_tables, reading
from ..store.code_chunks import CHUNK, Chunk
from ..store.code_keys import PackedKeys
from ..store.code_tables import CODE_DTYPE, CodesState
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.codes import Coded
from ..vectors.cosine import VECTOR_DTYPE
from .index import Index

# Room for rows to come, so that a few new ones don't mean to copy all.
_SPARE = 0.1


def expected_bytes(state: CodesState, dimension: int) -> int:
    """Return about how much memory the index of a table's vectors of ``dimension`` floats takes."""
    if state.generation is None:
        return state.vectors * dimension * VECTOR_DTYPE.itemsize
    return _room_for(state.coded) * (state.width + 1) * CODE_DTYPE.itemsize


def read_vectors(
    conn: sqlite3.Connection, source: Table, state: CodesState, embedded: EmbeddedTable
) -> Index:
    """Read an index of the vectors themselves."""
    keys: list[Key] = []
    parts = [np.empty((0, embedded.dimension), VECTOR_DTYPE)]
    for some, matrix in reading.all_vectors(conn, source):
        keys.extend(some)
        parts.append(matrix)
    vectors = np.concatenate(parts)
    coded = Coded(vectors, np.zeros(len(vectors), np.float32))
    packed = [code_keys.pack(keys[at : at + CHUNK]) for at in range(0, len(keys), CHUNK)]
    return Index(
        state=state,
        basis=None,
        coded=coded,
        packed=packed,
        revisions=[],
        current=None,
        room=coded,
    )


def read_codes(
    conn: sqlite3.Connection, source: Table, state: CodesState, embedded: EmbeddedTable
) -> Index:
    """Read an index of the codes. CodesError when they are damaged."""
    basis = code_tables.read_basis(conn, source.name, state, embedded.dimension)
    chunks = code_chunks.read_chunks(conn, source.name, state)
    return _filled(state, basis, _room(state.coded, state.width), [], [], chunks)


def updated(
    conn: sqlite3.Connection, source: Table, state: CodesState, index: Index | None
) -> Index | None:
    """Return an index with the entries appended since; None when anything else has changed."""
    if index is None or index.basis is None or index.state.generation != state.generation:
        return None
    whole = len(index) // CHUNK
    revisions = code_chunks.read_revisions(conn, source.name, state.generation or 0)
    if revisions[:whole] != index.revisions[:whole] or state.coded < len(index):
        return None
    added = list(code_chunks.read_chunks(conn, source.name, state, whole))
    if len(index) > whole * CHUNK and not _begins_with(added[0], index, whole * CHUNK):
        return None
    room = index.room
    if state.coded > len(room.residuals):
        room = _room(state.coded, state.width)
        room.codes[: whole * CHUNK] = index.coded.codes[: whole * CHUNK]
        room.residuals[: whole * CHUNK] = index.coded.residuals[: whole * CHUNK]
    return _filled(state, index.basis, room, index.packed[:whole], index.revisions[:whole], added)


def _begins_with(chunk: Chunk, index: Index, start: int) -> bool:
    """Return whether a chunk begins with the entries that the index has from ``start`` on.

    Other threads are reading these, so they mustn't change.
    """
    rest = len(index) - start
    return (
        code_keys.unpack(chunk.packed)[:rest] == index.keys(range(start, len(index)))
        and np.array_equal(chunk.coded.codes[:rest], index.coded.codes[start:])
        and np.array_equal(chunk.coded.residuals[:rest], index.coded.residuals[start:])
    )


def _room_for(entries: int) -> int:
    return int(entries * (1 + _SPARE)) + CHUNK


def _room(entries: int, width: int) -> Coded:
    size = _room_for(entries)
    return Coded(np.empty((size, width), np.float32), np.empty(size, np.float32))


def _filled(
    state: CodesState,
    basis: np.ndarray,
    room: Coded,
    packed: list[PackedKeys],
    revisions: list[int],
    chunks: Iterable[Chunk],
) -> Index:
    """Fill the rest of ``room``, behind the chunks whose keys are ``packed``, with ``chunks``."""
    packed, revisions = list(packed), list(revisions)
    end = len(packed) * CHUNK
    for chunk in chunks:
        room.codes[end : end + len(chunk)] = chunk.coded.codes
        room.residuals[end : end + len(chunk)] = chunk.coded.residuals
        packed.append(chunk.packed)
        revisions.append(chunk.revision)
        end += len(chunk)
    index = Index(
        state=state,
        basis=basis,
        coded=Coded(room.codes[:end], room.residuals[:end]),
        packed=packed,
        revisions=revisions,
        current=None,
        room=room,
    )
    if state.coded == state.vectors:
        return index
    current = _entries_that_hold(index)
    if current.sum() != state.vectors:
        raise CodesError(f"they are of {current.sum()} vectors, and there are {state.vectors}")
    return replace(index, current=current)


def _entries_that_hold(index: Index) -> np.ndarray:
    """Return, bool (n,), which entries are the last of their key, and a vector's."""
    last = {key: position for position, key in enumerate(index.keys(range(len(index))))}
    holding = np.zeros(len(index), bool)
    holding[list(last.values())] = True
    holding &= code_log.holds_vector(index.coded.residuals)
    return holding
