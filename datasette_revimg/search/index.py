"""An index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import CodesError
from ..keys import Key
from ..store import code_keys, code_log, code_tables, reading
from ..store.code_keys import PackedKeys
from ..store.code_log import CHUNK, Chunk
from ..store.code_tables import CodesState
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors import codes
from ..vectors.codes import Coded
from ..vectors.cosine import VECTOR_DTYPE

# What a key costs as a Python object, and again in a dictionary, roughly.
_BYTES_PER_KEY = 150

# How many times longer it takes to copy a code than to multiply it.
_COPY_COST = 4

# Room for rows to come, so that a few new ones don't mean to copy all.
_SPARE = 0.1


@dataclass(frozen=True)
class Index:
    """A table's codes at one revision, entry by entry; ``basis`` None: the vectors themselves.

    ``revisions`` are those of the chunks. ``current`` says which entries hold, None when all do.
    """

    state: CodesState
    basis: np.ndarray | None
    coded: Coded
    packed: list[PackedKeys]
    revisions: list[int]
    current: np.ndarray | None
    spare: Coded = field(repr=False)
    _places: dict[str, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.coded.residuals)

    @property
    def way(self) -> str:
        """What a search goes through."""
        return "all vectors" if self.basis is None else f"codes of {len(self.basis)} floats"

    @property
    def bytes(self) -> int:
        """Memory held."""
        return self._codes_and_keys + self._extra

    @cached_property
    def _codes_and_keys(self) -> int:
        basis = 0 if self.basis is None else self.basis.nbytes
        keys = sum(len(packed) for packed in self.packed)
        return self.spare.codes.nbytes + self.spare.residuals.nbytes + basis + keys

    def bounds(
        self, query: np.ndarray, places: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What every entry's cosine with a unit vector float32 (D,) is about, and by how much it
        may differ from that at most, two float32 (n,); -inf for an entry that doesn't hold.

        Of the entries at ``places`` only, if these are given.
        """
        coded, current = self.coded, self.current
        # To copy a code takes several times as long as to use it where it is.
        few = places is not None and _COPY_COST * len(places) < len(self)
        if few:
            coded = Coded(coded.codes[places], coded.residuals[places])
            current = None if current is None else current[places]
        asked = Coded(query[np.newaxis], np.zeros(1, np.float32))
        if self.basis is not None:
            asked = codes.encode(self.basis, query[np.newaxis])
        estimates, margins = codes.bounds(coded, asked)
        if current is not None:
            estimates[~current] = -np.inf
        if places is None or few:
            return estimates, margins
        return estimates[places], margins[places]

    def keys(self, positions: Sequence[int] | np.ndarray) -> list[Key]:
        """The keys of entries."""
        found: list[Key] = []
        for position in positions:
            number, place = divmod(int(position), CHUNK)
            whole = code_keys.integers(self.packed[number])
            found.append(self._unpacked(number)[place] if whole is None else (int(whole[place]),))
        return found

    def _unpacked(self, number: int) -> list[Key]:
        # Kept: a search looks into nearly every chunk, and JSON takes its time.
        chunks: dict[int, list[Key]] = self._places.setdefault("chunks", {})
        if number not in chunks:
            chunks[number] = code_keys.unpack(self.packed[number])
        return chunks[number]

    def positions(self, keys: Sequence[Key]) -> np.ndarray:
        """The entries that hold for these keys, those that there are; int64, ascending."""
        if not len(self):
            return np.empty(0, np.int64)
        places = self._places
        if "order" not in places and "by_key" not in places:
            self._find_places()
        if "order" in places:
            ordered, order = places["ordered"], places["order"]
            wanted = np.array([key[0] for key in keys if type(key[0]) is int], np.int64)
            # The last of equal ones, which is the one that holds.
            place = np.searchsorted(ordered, wanted, side="right") - 1
            found = order[place[(place >= 0) & (ordered[place] == wanted)]]
        else:
            by_key = places["by_key"]
            found = np.array([by_key[key] for key in keys if key in by_key], np.int64)
        if self.current is not None:
            found = found[self.current[found]]
        return np.sort(found)

    @property
    def _extra(self) -> int:
        """Memory of keys that are no integers, and of what finds entries by keys for a filter."""
        arrays = sum(
            part.nbytes for part in list(self._places.values()) if isinstance(part, np.ndarray)
        )
        unpacked = CHUNK * len(self._places.get("chunks", ()))
        return arrays + _BYTES_PER_KEY * (unpacked + len(self._places.get("by_key", ())))

    def _find_places(self) -> None:
        whole = [code_keys.integers(packed) for packed in self.packed]
        integers = [part for part in whole if part is not None]
        found: dict[str, Any] = {}
        if len(integers) == len(whole):
            everything = np.concatenate(integers)
            found["order"] = np.argsort(everything, kind="stable")
            found["ordered"] = everything[found["order"]]
        else:
            keys = self.keys(range(len(self)))
            found["by_key"] = {key: position for position, key in enumerate(keys)}
        # At once, for other threads that are searching.
        self._places.update(found)


def read_vectors(
    conn: sqlite3.Connection, source: Table, known: CodesState, embedded: EmbeddedTable
) -> Index:
    keys: list[Key] = []
    parts = [np.empty((0, embedded.dimension), VECTOR_DTYPE)]
    for some, matrix in reading.all_vectors(conn, source):
        if matrix.shape[1] != embedded.dimension:
            raise CodesError(f"there are vectors of {matrix.shape[1]} floats among them")
        keys.extend(some)
        parts.append(matrix)
    vectors = np.concatenate(parts)
    coded = Coded(vectors, np.zeros(len(vectors), np.float32))
    packed = [code_keys.pack(keys[at : at + CHUNK]) for at in range(0, len(keys), CHUNK)]
    return Index(known, None, coded, packed, [], None, coded)


def read_codes(
    conn: sqlite3.Connection, source: Table, known: CodesState, embedded: EmbeddedTable
) -> Index:
    basis = code_tables.read_basis(conn, source.name, known, embedded.dimension)
    spare = _room(known.coded, known.width)
    return _filled(known, basis, spare, [], [], code_log.read_chunks(conn, source.name, known))


def updated(
    conn: sqlite3.Connection, source: Table, known: CodesState, index: Index | None
) -> Index | None:
    """The index with what was appended since; None when more than that has changed."""
    if index is None or index.basis is None or index.state.generation != known.generation:
        return None
    whole = len(index) // CHUNK
    now = code_log.read_revisions(conn, source.name, known.generation or 0)
    if now[:whole] != index.revisions[:whole] or known.coded < len(index):
        return None
    added = list(code_log.read_chunks(conn, source.name, known, whole))
    spare = index.spare
    rest = len(index) - whole * CHUNK
    if rest and not _begins_with(added[0], index, whole * CHUNK):
        return None
    if known.coded > len(spare.residuals):
        spare = _room(known.coded, known.width)
        spare.codes[: whole * CHUNK] = index.coded.codes[: whole * CHUNK]
        spare.residuals[: whole * CHUNK] = index.coded.residuals[: whole * CHUNK]
    return _filled(
        known, index.basis, spare, index.packed[:whole], index.revisions[:whole], iter(added)
    )


def _begins_with(chunk: Chunk, index: Index, start: int) -> bool:
    """Whether a chunk is what the index has from ``start`` on, and more: others are reading it."""
    rest = len(index) - start
    return (
        code_keys.unpack(chunk.packed)[:rest] == index.keys(range(start, len(index)))
        and np.array_equal(chunk.coded.codes[:rest], index.coded.codes[start:])
        and np.array_equal(chunk.coded.residuals[:rest], index.coded.residuals[start:])
    )


def room_for(entries: int) -> int:
    return int(entries * (1 + _SPARE)) + CHUNK


def _room(entries: int, width: int) -> Coded:
    size = room_for(entries)
    return Coded(np.empty((size, width), np.float32), np.empty(size, np.float32))


def _filled(
    known: CodesState,
    basis: np.ndarray,
    spare: Coded,
    packed: list[PackedKeys],
    revisions: list[int],
    chunks: Iterator[Chunk],
) -> Index:
    """Fill the rest of ``spare``, behind the chunks whose keys are ``packed``, with ``chunks``."""
    packed, revisions = list(packed), list(revisions)
    end = len(packed) * CHUNK
    for chunk in chunks:
        spare.codes[end : end + len(chunk)] = chunk.coded.codes
        spare.residuals[end : end + len(chunk)] = chunk.coded.residuals
        packed.append(chunk.packed)
        revisions.append(chunk.revision)
        end += len(chunk)
    coded = Coded(spare.codes[:end], spare.residuals[:end])
    index = Index(known, basis, coded, packed, revisions, None, spare)
    if known.coded == known.vectors:
        return index
    current = _holding(index)
    if current.sum() != known.vectors:
        raise CodesError(f"they are of {current.sum()} vectors, and there are {known.vectors}")
    return replace(index, current=current)


def _holding(index: Index) -> np.ndarray:
    """Which entries are the last of their key, and not the notice that it was removed."""
    last = {key: place for place, key in enumerate(index.keys(range(len(index))))}
    holding = np.zeros(len(index), bool)
    holding[list(last.values())] = True
    holding &= code_log.holds_vector(index.coded.residuals)
    return holding
