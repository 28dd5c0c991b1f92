"""The pictures of a comparison by their place in it, those of one table after those of another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..keys import Key
from ..pictures.plain import is_plain
from ..store import reading, thumbnails
from ..store.tables import Table
from ..vectors.cosine import VECTOR_DTYPE


@dataclass(frozen=True)
class Part:
    """Some rows of a table, each of which stands for a picture."""

    conn: sqlite3.Connection
    source: Table
    keys: Sequence[Key]


class Lineup:
    """The pictures of a comparison: their vectors, and which of them hold too little to tell.

    ``plain``, bool (n,), are those that are known to hold too little, and ``present`` those that
    have a vector, as far as was seen. Plain and absent ones are in no pair.
    """

    def __init__(self, parts: Sequence[Part], dimension: int, plain: np.ndarray) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part.keys) for part in parts)])
        self._dimension = dimension
        self.plain = plain
        self.present = np.ones(len(plain), bool)
        self._checked = np.zeros(len(plain), bool)

    def vectors(self, places: np.ndarray) -> np.ndarray:
        """Return the vectors of the pictures at these places, float32 (n, D), zeros for none."""
        vectors = np.zeros((len(places), self._dimension), VECTOR_DTYPE)
        for part, rows, keys in self._by_part(places):
            at = dict(zip(keys, rows.tolist(), strict=True))
            for some, matrix in reading.vectors_of(part.conn, part.source, keys):
                vectors[[at[key] for key in some]] = matrix
        return vectors

    def scan(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield places, int64 (m,), and vectors, float32 (m, D), of all that have one.

        They come in the order of the tables.
        """
        for part, start in zip(self._parts, self._starts, strict=False):
            place_of = {key: place for place, key in enumerate(part.keys, start=int(start))}
            if 2 * len(part.keys) < reading.count_vectors(part.conn, part.source):
                batches = reading.vectors_of(part.conn, part.source, part.keys)
            else:
                batches = reading.all_vectors(part.conn, part.source)
            for keys, matrix in batches:
                places = np.array([place_of.get(key, -1) for key in keys], np.int64)
                yield places[places >= 0], matrix[places >= 0]

    def leave_out(self, places: np.ndarray) -> None:
        """Take note that the pictures at these places, int64 (n,), have no vector."""
        self.present[places] = False

    @property
    def usable(self) -> np.ndarray:
        """Which pictures can be in a pair, bool (n,)."""
        return np.asarray(self.present & ~self.plain)

    def check_plain(self, places: np.ndarray) -> None:
        """Look at the thumbnails of those of these pictures that nobody has looked at yet."""
        places = places[~self._checked[places]]
        for part, rows, keys in self._by_part(places):
            small = thumbnails.read_many(part.conn, part.source, keys)
            for place, thumbnail in zip(places[rows].tolist(), small, strict=True):
                self.plain[place] = thumbnail is not None and is_plain(thumbnail)
        self._checked[places] = True

    def _by_part(self, places: np.ndarray) -> list[tuple[Part, np.ndarray, list[Key]]]:
        """Return, for each part, which of the places are in it, and the keys at these."""
        split = []
        for part, start, end in zip(self._parts, self._starts, self._starts[1:], strict=False):
            rows = np.flatnonzero((places >= start) & (places < end))
            if len(rows):
                split.append((part, rows, [part.keys[at] for at in (places[rows] - start)]))
        return split
