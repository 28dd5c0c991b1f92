"""An index: a table's codes, or the vectors themselves, in memory for searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..keys import Key
from ..store import code_keys
from ..store.code_chunks import CHUNK
from ..store.code_keys import PackedKeys
from ..store.code_tables import CodesState
from ..vectors import codes
from ..vectors.codes import Coded

# The rough size of a key as a Python object, and of its place in a dictionary.
_BYTES_PER_KEY = 150

# How many times longer it takes to copy a code than to multiply it.
_COPY_COST = 4


@dataclass(frozen=True)
class Index:
    """A table's codes at one revision, entry by entry; without a ``basis``, its vectors.

    ``packed`` are the keys of each chunk of entries and ``revisions`` the revisions that wrote
    the chunks. ``current``, bool (n,), says which entries hold; None when all do. ``room`` is the
    memory that ``coded`` is the beginning of: there are a few more entries to come.
    """

    state: CodesState
    basis: np.ndarray | None
    coded: Coded
    packed: list[PackedKeys]
    revisions: list[int]
    current: np.ndarray | None
    room: Coded = field(repr=False)
    # Keys of chunks that a search has looked into, because JSON takes its time.
    _unpacked: dict[int, list[Key]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.coded.residuals)

    @property
    def way(self) -> str:
        """How a search goes that uses this index, in words."""
        return "all vectors" if self.basis is None else f"codes of {len(self.basis)} floats"

    @property
    def bytes(self) -> int:
        """The memory held; it grows as searches ask for keys and for filters."""
        places = self.__dict__.get("_places")
        unpacked = CHUNK * len(self._unpacked) * _BYTES_PER_KEY
        return self._codes_and_keys + unpacked + (places.bytes if places else 0)

    @cached_property
    def _codes_and_keys(self) -> int:
        basis = 0 if self.basis is None else self.basis.nbytes
        keys = sum(len(packed) for packed in self.packed)
        return self.room.codes.nbytes + self.room.residuals.nbytes + basis + keys

    def bounds(
        self, queries: np.ndarray, positions: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest cosine that each entry can have with the queries.

        The queries are unit vectors float32 (m, D), of which the best counts for an entry. Both
        results are float32 (n,), -inf for an entry that doesn't hold; only of the entries at
        ``positions``, int64 (n,), if given.
        """
        coded, current = self.coded, self.current
        # To copy a code takes several times as long as to use it where it is.
        few = positions is not None and _COPY_COST * len(positions) < len(self)
        if few:
            coded = Coded(coded.codes[positions], coded.residuals[positions])
            current = None if current is None else current[positions]
        coded_queries = Coded(queries, np.zeros(len(queries), np.float32))
        if self.basis is not None:
            coded_queries = codes.encode(self.basis, queries)
        lower, upper = codes.bounds(coded, coded_queries)
        if current is not None:
            lower[~current] = upper[~current] = -np.inf
        if positions is None or few:
            return lower, upper
        return lower[positions], upper[positions]

    def keys(self, positions: Sequence[int] | np.ndarray) -> list[Key]:
        """Return the keys of the entries at these positions, in their order."""
        keys: list[Key] = []
        for position in positions:
            number, place = divmod(int(position), CHUNK)
            integers = code_keys.integers(self.packed[number])
            keys.append(
                self._unpack(number)[place] if integers is None else (int(integers[place]),)
            )
        return keys

    def _unpack(self, number: int) -> list[Key]:
        if number not in self._unpacked:
            self._unpacked[number] = code_keys.unpack(self.packed[number])
        return self._unpacked[number]

    def positions(self, keys: Sequence[Key]) -> np.ndarray:
        """Return the positions of the entries that hold for these keys, int64, ascending.

        A key without an entry is passed over.
        """
        if not len(self):
            return np.empty(0, np.int64)
        positions = self._places.find(keys)
        if self.current is not None:
            positions = positions[self.current[positions]]
        return np.sort(positions)

    @cached_property
    def _places(self) -> _IntegerPlaces | _Places:
        chunks = [code_keys.integers(packed) for packed in self.packed]
        integers = [keys for keys in chunks if keys is not None]
        if len(integers) == len(chunks):
            return _IntegerPlaces.of(np.concatenate(integers))
        keys = self.keys(range(len(self)))
        return _Places({key: position for position, key in enumerate(keys)})


@dataclass(frozen=True)
class _IntegerPlaces:
    """The positions of integer keys; ``ordered`` are the keys, ascending. Both are int64 (n,)."""

    ordered: np.ndarray
    positions: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray) -> _IntegerPlaces:
        positions = np.argsort(keys, kind="stable")
        return cls(keys[positions], positions)

    @property
    def bytes(self) -> int:
        return self.ordered.nbytes + self.positions.nbytes

    def find(self, keys: Sequence[Key]) -> np.ndarray:
        wanted = np.array([key[0] for key in keys if type(key[0]) is int], np.int64)
        # The last of equal ones, which is the one that holds.
        places = np.searchsorted(self.ordered, wanted, side="right") - 1
        positions: np.ndarray = self.positions[
            places[(places >= 0) & (self.ordered[places] == wanted)]
        ]
        return positions


@dataclass(frozen=True)
class _Places:
    """The positions of keys of any kind, the last one of each."""

    by_key: dict[Key, int]

    @property
    def bytes(self) -> int:
        return _BYTES_PER_KEY * len(self.by_key)

    def find(self, keys: Sequence[Key]) -> np.ndarray:
        return np.array([self.by_key[key] for key in keys if key in self.by_key], np.int64)
