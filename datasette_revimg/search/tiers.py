"""Tiers: what the scores of search results mean, see ``vectors/calibration``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..keys import Key
from ..pictures.identity import Identity
from ..store import calibrations, reading, registry, thumbnails
from ..store.tables import Table
from ..vectors.calibration import SAME_FILE, Calibration
from .best import Hit


@dataclass(frozen=True)
class Tiers:
    """What the scores of rows with one picture mean.

    ``calibration`` is None where the table isn't calibrated. ``by_key`` has the tier of each row,
    None for a row that reaches none; it is None itself where no tier can be claimed, because the
    table isn't calibrated or the query isn't one whole picture. No tier but that of the same file
    is claimed for the ``plain`` rows, and for none at all with a ``plain_query``: these pictures
    are blank or almost of one colour, too little to tell.
    """

    calibration: Calibration | None = None
    by_key: Mapping[Key, str | None] | None = None
    plain: frozenset[Key] = field(default_factory=frozenset)
    plain_query: bool = False

    @property
    def claimed(self) -> bool:
        """Whether scores have tiers here."""
        return self.by_key is not None and not self.plain_query

    def of(self, key: Key) -> str | None:
        """Return the tier of a row, None where it has none."""
        return None if self.by_key is None else self.by_key.get(key)

    def of_score(self, score: float) -> str | None:
        """Return the tier of a score, None where it has none or none can be claimed."""
        return self.calibration.tier(score) if self.calibration and self.claimed else None


def row_identity(conn: sqlite3.Connection, source: Table, key: Key) -> Identity:
    """Return what is known of a row's picture."""
    (thumbnail,) = thumbnails.read_many(conn, source, [key])
    return Identity(_hashes(conn, source, [key]).get(key), thumbnail)


def rescored(
    conn: sqlite3.Connection, source: Table, vector: np.ndarray, hits: Sequence[Hit]
) -> list[Hit]:
    """Return the hits with their cosines with a unit vector (D,), in any order."""
    exact = vector.astype(np.float64)
    return [
        Hit(key, float(score))
        for keys, matrix in reading.vectors_of(conn, source, [hit.key for hit in hits])
        for key, score in zip(keys, np.vecdot(matrix.astype(np.float64), exact), strict=True)
    ]


def read_tiers(
    conn: sqlite3.Connection, source: Table, query: Identity | None, hits: Sequence[Hit]
) -> Tiers:
    """Return the tiers of the results of a search with one picture, None for any other query.

    The same file is told by the content's hash, whatever the score. Thumbnails are looked at only
    where a tier would be claimed.
    """
    embedded = registry.embedded(conn, source.name)
    calibration = calibrations.read(conn, embedded) if embedded else None
    if calibration is None or query is None:
        return Tiers(calibration)
    hashes = _hashes(conn, source, [hit.key for hit in hits])
    by_key: dict[Key, str | None] = {}
    plain = set()
    for hit in hits:
        by_key[hit.key] = None
        if query.content_hash is not None and hashes.get(hit.key) == query.content_hash:
            by_key[hit.key] = SAME_FILE
        elif (tier := calibration.tier(hit.score)) and not query.plain:
            (thumbnail,) = thumbnails.read_many(conn, source, [hit.key])
            if Identity(None, thumbnail).plain:
                plain.add(hit.key)
            else:
                by_key[hit.key] = tier
    return Tiers(calibration, by_key, frozenset(plain), query.plain)


def _hashes(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> dict[Key, bytes]:
    hashes = reading.hashes(conn, source, keys)
    return {key: content for key, content in hashes.items() if isinstance(content, bytes)}
