"""Compare the pictures of a table with those that are turned or mirrored, every pair, exactly.

Each picture as it is meets the seven other orientations of every other. Of these there are rounded
vectors alone (see ``vectors/rounded``), and the score of a pair is the cosine with one of them,
the larger of two: either picture may be the turned one. Bounds decide nearly all pairs, and only
those that they leave open are computed, in float64. The turned vectors are read block by block, so
memory is needed for the codes of the pictures as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..pictures.orientations import OTHERS
from ..store import orientations, reading
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.rounded import Rounded
from . import block_pairs
from .bounds import Bounds
from .compare import Compared
from .lineup import Lineup, Part

# Pairs that are computed in float64 at once.
_AT_ONCE = 1024

# Pairs, some of them with several orientations, before the best orientation of each is chosen.
_MERGED = 1_000_000

# What undoes each of OTHERS.
_REVERSE = np.array([OTHERS.index(orientation.reverse) for orientation in OTHERS])


@dataclass(frozen=True)
class TurnedPairs:
    """Pairs of pictures of which one is turned, by number: ``first`` < ``second``, int64 (n,).

    ``scores`` are float64 (n,), and ``done`` says, as an index of OTHERS, what was done to the
    first to get the second. ``errors`` are the most by which a score differs from the cosine with
    the exact vector.
    """

    first: np.ndarray
    second: np.ndarray
    scores: np.ndarray
    done: np.ndarray
    errors: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


NO_PAIRS = TurnedPairs(
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0),
    np.empty(0, np.int64),
    np.empty(0),
)


def compare_turned(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    compared: Compared,
    plain: set[int],
    minimum: float,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> TurnedPairs:
    """Return the pairs of compared pictures that score ``minimum`` or more when one is turned.

    ``plain`` are the numbers of pictures that hold too little to tell. Of a pair, the orientation
    that scores highest is returned. ``on_done`` is called with the pictures done and their number.
    Raises RevimgError when there are too many pairs.
    """
    numbers = np.array(sorted(compared.keys), np.int64)
    if not len(numbers):
        return NO_PAIRS
    keys = [compared.keys[number][0] for number in numbers.tolist()]
    lineup = Lineup([Part(conn, source, keys)], embedded.dimension, np.isin(numbers, list(plain)))
    bounds = Bounds(lineup, minimum)
    bounds.drop(np.flatnonzero(lineup.plain))
    found = NO_PAIRS
    for start in range(0, len(numbers), orientations.READ_AT_ONCE):
        end = min(start + orientations.READ_AT_ONCE, len(numbers))
        places = {compared.hashes[int(numbers[place])]: place for place in range(start, end)}
        hashes, rounded = orientations.read(conn, embedded, list(places))
        turned = np.array([places[content_hash] for content_hash in hashes], np.int64)
        new: list[TurnedPairs] = []
        for part in _block(lineup, bounds, turned, rounded, minimum):
            new.append(part)
            if sum(map(len, new)) > _MERGED:
                found, new = _best([found, *new]), []
                _check_count(found, source, minimum)
        found = _best([found, *new])
        _check_count(found, source, minimum)
        on_done(end, len(numbers))
    told = ~lineup.plain[found.first] & ~lineup.plain[found.second]
    return TurnedPairs(
        numbers[found.first[told]],
        numbers[found.second[told]],
        found.scores[told],
        found.done[told],
        found.errors[told],
    )


def _check_count(found: TurnedPairs, source: Table, minimum: float) -> None:
    if len(found) > block_pairs.MOST_PAIRS:
        raise RevimgError(
            f"more than {block_pairs.MOST_PAIRS:,} pairs of {source.name!r} score {minimum:g} or "
            "more when one is turned: choose a higher --min"
        )


def _block(
    lineup: Lineup, bounds: Bounds, turned: np.ndarray, rounded: Rounded, minimum: float
) -> Iterator[TurnedPairs]:
    """Yield, by place, the pairs of turned pictures with all others as they are.

    ``turned`` are the places of the turned pictures, each of which has len(OTHERS) rows.
    """
    if not len(turned):
        return
    vectors = rounded.vectors
    for place, row in bounds.open_with(vectors):
        other, usable = turned[row // len(OTHERS)], lineup.usable
        once = (other != place) & usable[other] & usable[place]
        for pairs in _decide(lineup, vectors, rounded, turned, row[once], place[once], minimum):
            bounds.drop(np.flatnonzero(lineup.plain))
            yield pairs


def _decide(
    lineup: Lineup,
    vectors: np.ndarray,
    rounded: Rounded,
    turned: np.ndarray,
    row: np.ndarray,
    place: np.ndarray,
    minimum: float,
) -> Iterator[TurnedPairs]:
    """Yield those of the open pairs that reach the minimum, and are of pictures that tell.

    A pair is a ``row`` of the turned ``vectors`` and the ``place`` of a picture as it is.
    """
    order = np.argsort(place, kind="stable")
    row, place = row[order], place[order]
    wanted = np.unique(place)
    for at in range(0, len(wanted), reading.SCAN_ROWS):
        some = wanted[at : at + reading.SCAN_ROWS]
        low, high = np.searchsorted(place, [some[0], some[-1] + 1])
        upright = lineup.vectors(some).astype(np.float64)
        for begin in range(low, high, _AT_ONCE):
            part = slice(begin, min(begin + _AT_ONCE, high))
            a, b = row[part], place[part]
            scores = np.vecdot(vectors[a].astype(np.float64), upright[np.searchsorted(some, b)])
            enough = scores >= minimum
            a, b, scores = a[enough], b[enough], scores[enough]
            other = turned[a // len(OTHERS)]
            lineup.check_plain(np.union1d(other, b))
            tell = ~lineup.plain[other] & ~lineup.plain[b]
            if tell.any():
                a, b, scores, other = a[tell], b[tell], scores[tell], other[tell]
                # Turned as the row says, the other picture looks like this one.
                done = a % len(OTHERS)
                yield TurnedPairs(
                    np.minimum(other, b),
                    np.maximum(other, b),
                    np.clip(scores, -1, 1),
                    np.where(other < b, done, _REVERSE[done]),
                    rounded.errors[a].astype(np.float64),
                )


def _best(parts: Sequence[TurnedPairs]) -> TurnedPairs:
    """Return the pairs of all parts, each once with the orientation that scores highest."""
    first = np.concatenate([part.first for part in parts])
    second = np.concatenate([part.second for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = np.lexsort((-scores, second, first))
    first, second = first[order], second[order]
    new = np.ones(len(order), bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return TurnedPairs(
        first[new],
        second[new],
        scores[order][new],
        np.concatenate([part.done for part in parts])[order][new],
        np.concatenate([part.errors for part in parts])[order][new],
    )
