"""Two rows beside each other: how similar they are, where they differ, and which rows are next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..keys import Key
from ..store import distributions
from ..store.tables import Table
from .best import Hit
from .cache import Cache
from .rows import Row, parameter_row, read_rows, row_and_vector
from .tiers import Tiers, read_tiers, row_identity
from .top_k import top_k

# The results to step through: as many as the page of similar pictures shows by itself.
NEIGHBOURS = 24


@dataclass(frozen=True)
class Comparison:
    """Two rows, and the cosine of their vectors.

    ``neighbours`` are the keys of the rows most similar to ``a``, best first. ``percentile`` is the
    share of the table's pairs that are less similar than these two, 0 to 100, where it is known;
    ``tiers`` say what the score means.
    """

    a: Row
    b: Row
    score: float
    neighbours: list[Key]
    percentile: float | None = None
    tiers: Tiers = field(default_factory=Tiers)

    @property
    def tier(self) -> str | None:
        """The tier of the score, None where it has none."""
        return self.tiers.of(self.b.key)

    @property
    def rank(self) -> int | None:
        """The place of ``b`` among the neighbours, from 1; None when it is not one of them."""
        return self.neighbours.index(self.b.key) + 1 if self.b.key in self.neighbours else None

    @property
    def previous(self) -> Key | None:
        """The neighbour before ``b``, the last one if ``b`` is not one of them."""
        if self.a.key == self.b.key:
            return None
        before = self.neighbours[: self.rank - 1] if self.rank else self.neighbours
        return before[-1] if before else None

    @property
    def next(self) -> Key | None:
        """The neighbour after ``b``, the first one if ``b`` is ``a`` itself."""
        if self.a.key == self.b.key:
            return self.neighbours[0] if self.neighbours else None
        after = self.neighbours[self.rank :] if self.rank else []
        return after[0] if after else None

    @property
    def columns(self) -> list[str]:
        """The names of the columns in which a row has anything but a BLOB."""
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
    """Compare two rows, named by the text of their keys.

    RowNotFoundError or NotEmbeddedError for ``a``, RevimgError when ``b`` can't be found.
    """
    key, vector = row_and_vector(conn, source, a)
    other_key, other_vector = other_row(conn, source, b)
    result = top_k(conn, source.name, vector, NEIGHBOURS, exclude={key}, cache=cache)
    row, other = read_rows(conn, source, [key, other_key])
    score = float(np.vecdot(vector.astype(np.float64), other_vector.astype(np.float64)))
    distribution = distributions.read(conn, source.name)
    picture = row_identity(conn, source, key)
    return Comparison(
        a=row,
        b=other,
        score=score,
        neighbours=[hit.key for hit in result.hits],
        percentile=distribution.percentile(score) if distribution else None,
        tiers=read_tiers(conn, source, picture, [Hit(other_key, score)]),
    )


def other_row(conn: sqlite3.Connection, source: Table, b: Sequence[str]) -> tuple[Key, np.ndarray]:
    """Return the key and the vector of the row that another one is compared with.

    Raises RevimgError, which names the parameter ``with``, when there is none.
    """
    return parameter_row(conn, source, "with", b)
