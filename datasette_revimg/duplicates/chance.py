"""The distribution of chance: how similar a picture's nearest other picture is, copies left out.

A collection is searched for the copies that it holds, so its nearest pairs are copies too, and
they are no chance. Left out are other rows with the same file, pairs that somebody has called the
same, and pairs whose thumbnails show the same pixels (see ``pictures/same_pixels``). Copies that
these miss count as chance, which makes the tiers stricter, never wrong.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Collection, Sequence

import numpy as np

from ..keys import Key
from ..pictures.plain import is_plain
from ..pictures.same_pixels import SmallGrey, same_pixels, small_grey
from ..store import decisions, reading, thumbnails
from ..store.tables import Table

# Pictures whose nearest other is looked for: enough for a rate of 1 in 1,000.
SAMPLE = 3000

# The most similar others of each that are kept, because the first ones may be copies.
_NEAREST = 8

# The score of a picture with itself, which is no other; below every cosine.
NONE = -2.0

# The share of the sample, the most similar ones, whose pixels are compared. Rates are read from
# the highest tenth, and the others can't get there.
_COMPARED = 0.15


def nearest_others(
    conn: sqlite3.Connection,
    source: Table,
    pictures: Sequence[tuple[Key, bytes]],
    seed: int,
    same: Collection[tuple[bytes, bytes]] = (),
    on_done: Callable[[int], None] = lambda rows: None,
) -> np.ndarray:
    """Return the cosine of some pictures with their nearest other, float32 (m,) ascending.

    ``pictures`` are key and content hash of one row for each picture of the table; ``same`` are
    pairs of hashes, the smaller first, of pictures that somebody has called the same. ``on_done``
    is called with the number of rows that were compared since. Pictures that are blank, or whose
    nearest others are all copies, have no nearest other.
    """
    chosen = sampled(pictures, seed, SAMPLE)
    keys, vectors = read_vectors(conn, source, [key for key, _ in chosen])
    scores, places = _search(conn, source, pictures, keys, vectors, on_done)
    return chance_of(conn, source, pictures, keys, same, scores, places)


def sampled(pictures: Sequence[tuple[Key, bytes]], seed: int, size: int) -> list[tuple[Key, bytes]]:
    """Return at most ``size`` of the pictures, in a random order."""
    order = np.random.default_rng(seed).permutation(len(pictures))[:size].tolist()
    return [pictures[place] for place in order]


def chance_of(
    conn: sqlite3.Connection,
    source: Table,
    pictures: Sequence[tuple[Key, bytes]],
    keys: Sequence[Key],
    same: Collection[tuple[bytes, bytes]],
    scores: np.ndarray,
    places: np.ndarray,
) -> np.ndarray:
    """Return the score of the rows ``keys`` with their nearest other, copies left out, ascending.

    ``scores`` float32 (m, k) and ``places`` in ``pictures`` are those of their nearest others, the
    best first; a place of -1 stands for none. ``same`` is as in ``nearest_others``.
    """
    hashes, looks = dict(pictures), _Looks(conn, source)

    def is_copy(number: int, place: int) -> bool:
        other, content_hash = pictures[place]
        pair = decisions.ordered(hashes[keys[number]], content_hash)
        return pair in same or looks.alike(keys[number], other)

    return np.sort(np.array(_without_copies(scores, places, is_copy), np.float32))


def _without_copies(
    scores: np.ndarray, places: np.ndarray, is_copy: Callable[[int, int], bool]
) -> list[float]:
    """Return the score of each picture with its nearest other that is no copy.

    The most similar ones are looked at first, until enough are known to be no copies.
    """
    enough = _COMPARED * len(scores)
    left = [(-float(best), number, 0) for number, best in enumerate(scores[:, 0])]
    left = [one for one in left if places[one[1], 0] >= 0]
    heapq.heapify(left)
    chance: list[float] = []
    while left and len(chance) <= enough:
        negative, number, rank = heapq.heappop(left)
        if not is_copy(number, int(places[number, rank])):
            chance.append(-negative)
        elif rank + 1 < places.shape[1] and places[number, rank + 1] >= 0:
            heapq.heappush(left, (-float(scores[number, rank + 1]), number, rank + 1))
    return chance + [-negative for negative, _, _ in left]


class _Looks:
    """The thumbnails of rows, as far as they were looked at."""

    def __init__(self, conn: sqlite3.Connection, source: Table) -> None:
        self._conn, self._source = conn, source
        self._grey: dict[Key, SmallGrey | None] = {}

    def alike(self, key: Key, other: Key) -> bool:
        """Return whether two rows show the same pixels, or one of them nothing."""
        first, second = self._small(key), self._small(other)
        return first is None or second is None or same_pixels(first, second)

    def _small(self, key: Key) -> SmallGrey | None:
        if key not in self._grey:
            (data,) = thumbnails.read_many(self._conn, self._source, [key])
            self._grey[key] = None if data is None or is_plain(data) else small_grey(data)
        return self._grey[key]


def read_vectors(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key]
) -> tuple[list[Key], np.ndarray]:
    """Return keys and vectors, float32 (n, D), of those of these rows that have one."""
    found: list[Key] = []
    parts = []
    for some, matrix in reading.vectors_of(conn, source, keys):
        found.extend(some)
        parts.append(matrix)
    return found, np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _search(
    conn: sqlite3.Connection,
    source: Table,
    pictures: Sequence[tuple[Key, bytes]],
    keys: Sequence[Key],
    vectors: np.ndarray,
    on_done: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, float32 (m, k), and places in ``pictures`` of the nearest others, best first.

    A place of -1 stands for none.
    """
    nearest = Nearest(len(keys))
    at = {key: place for place, (key, _) in enumerate(pictures)}
    own = np.array([at[key] for key in keys], np.int64)
    for page in reading.pages([key for key, _ in pictures]):
        some, matrix = read_vectors(conn, source, page)
        if not some:
            continue
        here = np.array([at[key] for key in some], np.int64)
        cosines = vectors @ matrix.T
        cosines[own[:, np.newaxis] == here] = NONE
        nearest.offer(cosines, here)
        on_done(len(page))
    return nearest.scores, nearest.places


class Nearest:
    """The most similar others of m pictures, the best first: scores, and places, -1 for none."""

    def __init__(self, count: int) -> None:
        self.scores = np.full((count, _NEAREST), NONE, np.float32)
        self.places = np.full((count, _NEAREST), -1, np.int64)

    def offer(self, cosines: np.ndarray, here: np.ndarray) -> None:
        """Take the cosines with others, float32 (m, n), at these places into account."""
        all_scores = np.concatenate([self.scores, cosines], axis=1)
        all_places = np.concatenate([self.places, np.broadcast_to(here, cosines.shape)], axis=1)
        best = np.argsort(-all_scores, axis=1, kind="stable")[:, :_NEAREST]
        self.scores = np.take_along_axis(all_scores, best, axis=1)
        self.places = np.take_along_axis(all_places, best, axis=1)
        self.places[self.scores <= NONE] = -1
