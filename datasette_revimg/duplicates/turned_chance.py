"""The distribution of chance among turned pictures: see ``chance``, which is that of the others.

A picture meets seven orientations of every other, and the other way round, so that chance has more
tries than among the pictures as they are, and thresholds of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence

import numpy as np

from ..keys import Key
from ..pictures.orientations import OTHERS
from ..store import decisions, orientations, reading
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import SAME_PICTURE, Calibration, needed
from .calibrate import SEED
from .chance import NONE, Nearest, chance_of, read_vectors, sampled

# Pictures whose nearest other is looked for: enough for the rate of the strictest tier, if no more
# than a sixth of them are blank or copies.
SAMPLE = needed(SAME_PICTURE) * 6 // 5


def calibrate_turned(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> Calibration:
    """Return what chance scores among the turned pictures of a table; nothing is kept.

    ``on_done`` is called with the pictures done and their number.
    """
    by_hash = reading.one_row_each(conn, source)
    pictures = [(key, content_hash) for content_hash, key in by_hash.items()]
    same = decisions.read_same(conn, source.name)
    chance = nearest_turned(conn, source, embedded, pictures, SEED, same, on_done)
    return Calibration(chance, {}, reading.count_vectors(conn, source))


def nearest_turned(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    pictures: Sequence[tuple[Key, bytes]],
    seed: int,
    same: Collection[tuple[bytes, bytes]] = (),
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Return the score of some pictures with their nearest turned other, float32 (m,) ascending.

    All else is as in ``chance.nearest_others``, but for ``on_done``, which is called with the
    pictures done and their number. Copies are left out.
    """
    hash_of = dict(pictures)
    by_hash = _turned(conn, embedded, [content for _, content in sampled(pictures, seed, SAMPLE)])
    chosen = [(key, content) for key, content in pictures if content in by_hash]
    keys, vectors = read_vectors(conn, source, [key for key, _ in chosen])
    if not keys:
        return np.empty(0, np.float32)
    turned = np.concatenate([by_hash[hash_of[key]] for key in keys])
    at = {key: place for place, (key, _) in enumerate(pictures)}
    own = np.array([at[key] for key in keys], np.int64)
    nearest = Nearest(len(keys))
    step = orientations.READ_AT_ONCE
    for start in range(0, len(pictures), step):
        page = pictures[start : start + step]
        some, upright = read_vectors(conn, source, [key for key, _ in page])
        page_turned = _turned(conn, embedded, [content for _, content in page])
        here = [(key, place) for place, key in enumerate(some) if hash_of[key] in page_turned]
        if here:
            others = np.concatenate([page_turned[hash_of[key]] for key, _ in here])
            cosines = np.maximum(
                _highest(others @ vectors.T).T,
                _highest(turned @ upright[[place for _, place in here]].T),
            )
            places = np.array([at[key] for key, _ in here], np.int64)
            cosines[own[:, np.newaxis] == places] = NONE
            nearest.offer(cosines, places)
        on_done(min(start + step, len(pictures)), len(pictures))
    return chance_of(conn, source, pictures, keys, same, nearest.scores, nearest.places)


def _turned(
    conn: sqlite3.Connection, embedded: EmbeddedTable, hashes: Sequence[bytes]
) -> dict[bytes, np.ndarray]:
    """Return the vectors float32 (len(OTHERS), D) of those of these pictures that have any."""
    found: dict[bytes, np.ndarray] = {}
    for start in range(0, len(hashes), orientations.READ_AT_ONCE):
        some, rounded = orientations.read(
            conn, embedded, hashes[start : start + orientations.READ_AT_ONCE]
        )
        if some:
            found |= zip(some, np.split(rounded.vectors, len(some)), strict=True)
    return found


def _highest(cosines: np.ndarray) -> np.ndarray:
    """Return the highest cosine of each picture's orientations, float32 (n, k) of (n * 7, k)."""
    return np.asarray(cosines.reshape(-1, len(OTHERS), cosines.shape[1]).max(axis=1))
