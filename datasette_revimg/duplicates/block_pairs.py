"""The pairs of a block of pictures with others that reach a minimum, exactly.

Bounds decide nearly all of them; only those that they leave open are computed from the vectors, in
float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from ..errors import RevimgError
from ..store import reading
from ..store.comparisons import Pairs
from .bounds import Bounds, Places
from .few import FEW, Few
from .lineup import Lineup

# Open pairs that are decided together.
_TOGETHER = 1 << 16

# Pairs that are computed in float64 at once.
_AT_ONCE = 1024

# More pairs than this are nobody's duplicates, and what is made of them is made in memory.
MOST_PAIRS = 2_000_000


class OpenPairs(Protocol):
    """A way to rule out pairs."""

    @property
    def width(self) -> int:
        """The numbers of a code, 0 without codes."""
        ...

    def drop(self, places: np.ndarray) -> None:
        """Yield none of these pictures any more, if possible."""
        ...

    def open_pairs(self, block: slice, end: int) -> Iterator[Places]:
        """Yield pairs of a picture before ``end`` and one of a block, all that may be similar."""
        ...


def open_pairs_of(lineup: Lineup, new: int, minimum: float) -> OpenPairs:
    """Return the quickest way to find what may be similar to the last ``new`` pictures."""
    return Few(lineup, minimum) if new <= FEW else Bounds(lineup, minimum)


def block_pairs(
    lineup: Lineup, bounds: OpenPairs, block: slice, end: int, minimum: float
) -> Iterator[Pairs]:
    """Yield, by place, the pairs of a block with all pictures before ``end``, each pair once.

    The first of a pair has the smaller place.
    """
    for first, second in _together(lineup, bounds.open_pairs(block, end), end):
        for pairs in _decide(lineup, first, second, minimum):
            bounds.drop(np.flatnonzero(lineup.plain))
            yield pairs


def _together(lineup: Lineup, parts: Iterable[Places], end: int) -> Iterator[Places]:
    """Yield pairs, some tens of thousands at a time, each once, and no pictures of no use."""
    some: list[Places] = []
    count = 0
    for first, second in parts:
        usable = lineup.usable
        once = (first < second) & (first < end) & usable[first] & usable[second]
        some.append((first[once], second[once]))
        count += len(some[-1][0])
        if count >= _TOGETHER:
            yield np.concatenate([a for a, _ in some]), np.concatenate([b for _, b in some])
            some, count = [], 0
    if count:
        yield np.concatenate([a for a, _ in some]), np.concatenate([b for _, b in some])


def _decide(
    lineup: Lineup, first: np.ndarray, second: np.ndarray, minimum: float
) -> Iterator[Pairs]:
    """Yield those of the open pairs that reach the minimum, and are of pictures that tell."""
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    # The second ones are all of one block.
    seconds, wanted = np.unique(second), np.unique(first)
    own = lineup.vectors(seconds)
    for at in range(0, len(wanted), reading.SCAN_ROWS):
        some = wanted[at : at + reading.SCAN_ROWS]
        low, high = np.searchsorted(first, [some[0], some[-1] + 1])
        others = lineup.vectors(some)
        for begin in range(low, high, _AT_ONCE):
            part = slice(begin, min(begin + _AT_ONCE, high))
            a, b = first[part], second[part]
            # The part before may have shown that more of them are plain.
            tell = ~lineup.plain[a] & ~lineup.plain[b]
            a, b = a[tell], b[tell]
            scores = np.vecdot(
                others[np.searchsorted(some, a)],
                own[np.searchsorted(seconds, b)],
                dtype=np.float64,
            )
            enough = scores >= minimum
            a, b, scores = a[enough], b[enough], scores[enough]
            lineup.check_plain(np.union1d(a, b))
            tell = ~lineup.plain[a] & ~lineup.plain[b]
            a, b, scores = a[tell], b[tell], scores[tell]
            if len(scores):
                yield Pairs(a, b, np.clip(scores, -1, 1))


def joined(parts: Iterable[Pairs], most: int, table: str, minimum: float) -> Pairs:
    """Return the pairs as one. RevimgError, which names the table, when they are more than that."""
    kept: list[Pairs] = []
    count = 0
    for part in parts:
        kept.append(part)
        count += len(part)
        if count > most:
            raise RevimgError(
                f"more than {MOST_PAIRS:,} pairs of {table!r} score {minimum:g} or more: choose a "
                "higher --min"
            )
    if not kept:
        none = np.empty(0, np.int64)
        return Pairs(none, none, np.empty(0))
    return Pairs(
        np.concatenate([part.first for part in kept]),
        np.concatenate([part.second for part in kept]),
        np.concatenate([part.scores for part in kept]),
    )
