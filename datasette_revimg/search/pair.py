"""Two rows beside each other: how similar they are, what they differ in, and who is next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import NotEmbeddedError, RevimgError, RowNotFoundError
from ..keys import Key
from ..store import distributions
from ..store.tables import Table
from . import top_k
from .cache import Cache
from .similar import Row, read, row_and_vector

# The results to step through: as many as the page of similar pictures shows by itself.
NEIGHBOURS = 24


@dataclass(frozen=True)
class Comparison:
    """Rows ``a`` and ``b``, the cosine of their vectors, and ``neighbours``, the rows most
    similar to ``a``, best first. ``percentile`` is the share of the table's pairs that are less
    similar than these, 0 to 100, where it is known."""

    a: Row
    b: Row
    score: float
    neighbours: list[Key]
    percentile: float | None = None

    @property
    def rank(self) -> int | None:
        """The place of ``b`` among the neighbours, from 1; None when it is too far."""
        return self.neighbours.index(self.b.key) + 1 if self.b.key in self.neighbours else None

    @property
    def previous(self) -> Key | None:
        """The neighbour before ``b``; all are before one that is too far."""
        if self.a.key == self.b.key:
            return None
        before = self.neighbours[: self.rank - 1] if self.rank else self.neighbours
        return before[-1] if before else None

    @property
    def next(self) -> Key | None:
        """The neighbour behind ``b``; all are behind ``a`` itself."""
        if self.a.key == self.b.key:
            return self.neighbours[0] if self.neighbours else None
        behind = self.neighbours[self.rank :] if self.rank else []
        return behind[0] if behind else None

    @property
    def columns(self) -> list[str]:
        """The names of the columns that at least one of the rows has anything but a BLOB in."""
        return list(dict.fromkeys((*self.a.columns, *self.b.columns)))

    @property
    def differences(self) -> list[str]:
        """The names of the columns in which the rows are not the same."""
        return [name for name in self.columns if not self._same(name)]

    def _same(self, name: str) -> bool:
        if name not in self.a.columns or name not in self.b.columns:
            return False
        return bool(self.a.columns[name] == self.b.columns[name])


def compare(
    conn: sqlite3.Connection,
    source: Table,
    a: Sequence[str],
    b: Sequence[str],
    cache: Cache | None = None,
) -> Comparison:
    """Compare two rows, named by the texts of their keys.

    RowNotFoundError or NotEmbeddedError for ``a``, RevimgError when ``b`` can't be found.
    """
    key, vector = row_and_vector(conn, source, a)
    other, other_vector = other_row(conn, source, b)
    found = top_k.top_k(conn, source.name, vector, NEIGHBOURS, exclude={key}, cache=cache)
    rows = read(conn, source, [key, other])
    score = float(np.vecdot(vector.astype(np.float64), other_vector.astype(np.float64)))
    background = distributions.read(conn, source.name)
    return Comparison(
        rows[0],
        rows[1],
        score,
        [hit.key for hit in found.hits],
        background.percentile(score) if background else None,
    )


def other_row(conn: sqlite3.Connection, source: Table, b: Sequence[str]) -> tuple[Key, np.ndarray]:
    """The key and the vector of the row that another one is compared with. RevimgError without."""
    try:
        return row_and_vector(conn, source, b)
    except (RowNotFoundError, NotEmbeddedError) as error:
        raise RevimgError(f"with: {error}") from error
