"""The pairs of a block of pictures with others that reach a minimum, exactly.

Bounds decide nearly all of them; only those that they leave open are computed from the vectors, in
float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import RevimgError
from ..store import reading
from ..store.comparisons import Pairs
from ..vectors.codes import EPSILON
from .bounds import Bounds, reaching
from .lineup import Lineup

# Pictures that a block is compared with at once.
CHUNK = 4096

# Where bounds leave more pairs open than this share, the vectors are multiplied as a whole.
_DENSE = 0.01

# Pairs that are computed in float64 at once.
_AT_ONCE = 1024

# More pairs than this are nobody's duplicates, and what is made of them is made in memory.
MOST_PAIRS = 2_000_000


def block_pairs(
    lineup: Lineup, bounds: Bounds, block: slice, end: int, minimum: float, memory: np.ndarray
) -> Iterator[Pairs]:
    """Yield, by place, the pairs of a block with all pictures before ``end``, each pair once.

    The first of a pair has the smaller place. ``memory`` is float32 (block, CHUNK).
    """
    own: np.ndarray | None = None
    for start in range(0, end, CHUNK):
        chunk = slice(start, min(start + CHUNK, end))
        rows, pairs_open = bounds.open_pairs(block, chunk, memory)
        if not len(rows):
            continue
        if own is None:
            own = lineup.vectors(np.arange(block.start, block.stop))
        width = chunk.stop - chunk.start
        if np.count_nonzero(pairs_open) > _DENSE * len(own) * width:
            others = lineup.vectors(np.arange(chunk.start, chunk.stop))
            cosines = np.matmul(own, others.T, out=memory[: len(own), :width])
            rows, pairs_open = reaching(cosines, np.float32(minimum - EPSILON))
        # Of one dimension: numpy takes ten times as long for two.
        places, columns = np.divmod(np.flatnonzero(pairs_open), width)
        first, second = columns + chunk.start, rows[places] + block.start
        once = (first < second) & ~lineup.plain[first] & ~lineup.plain[second]
        for pairs in _decide(lineup, first[once], second[once], own, block.start, minimum):
            bounds.drop(np.flatnonzero(lineup.plain))
            yield pairs


def _decide(
    lineup: Lineup,
    first: np.ndarray,
    second: np.ndarray,
    own: np.ndarray,
    start: int,
    minimum: float,
) -> Iterator[Pairs]:
    """Yield those of the open pairs that reach the minimum, and are of pictures that tell.

    ``second`` are places in a block that begins at ``start`` and has the vectors ``own``.
    """
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    wanted = np.unique(first)
    for at in range(0, len(wanted), reading.SCAN_ROWS):
        some = wanted[at : at + reading.SCAN_ROWS]
        low, high = np.searchsorted(first, [some[0], some[-1] + 1])
        others = lineup.vectors(some).astype(np.float64)
        for begin in range(low, high, _AT_ONCE):
            part = slice(begin, min(begin + _AT_ONCE, high))
            a, b = first[part], second[part]
            # The part before may have shown that more of them are plain.
            tell = ~lineup.plain[a] & ~lineup.plain[b]
            a, b = a[tell], b[tell]
            scores = np.vecdot(others[np.searchsorted(some, a)], own[b - start].astype(np.float64))
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
