"""Pairs of similar pictures, as they are or with one of them turned, each pair once."""

from __future__ import annotations

import numpy as np

from ..pictures.orientations import OTHERS, UPRIGHT, Orientation
from ..store.comparisons import Pairs
from .turned import TurnedPairs

_AS_THEY_ARE = -1


class Links:
    """Pairs by the pictures' numbers; ``pairs`` are all of them, with the higher of two scores.

    Where two pictures are similar as they are, one counts as turned only if its score is higher by
    more than its rounding may be.
    """

    def __init__(self, pairs: Pairs, turned: TurnedPairs) -> None:
        first = np.concatenate([pairs.first, turned.first])
        second = np.concatenate([pairs.second, turned.second])
        scores = np.concatenate([pairs.scores, turned.scores])
        done = np.concatenate([np.full(len(pairs), _AS_THEY_ARE), turned.done])
        certain = np.concatenate([pairs.scores, turned.scores - turned.errors])
        order = np.lexsort((-certain, second, first))
        first, second = first[order], second[order]
        new = np.ones(len(order), bool)
        new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
        self.pairs = Pairs(first[new], second[new], scores[order][new])
        self._done = done[order][new]

    def score(self, a: int, b: int) -> float:
        """Return the score of a pair."""
        return float(self.pairs.scores[self._place(a, b)])

    def done(self, a: int, b: int) -> Orientation:
        """Return what was done to ``a`` to get ``b``, which are a pair."""
        done = int(self._done[self._place(a, b)])
        if done == _AS_THEY_ARE:
            return UPRIGHT
        return OTHERS[done] if a < b else OTHERS[done].reverse

    def _place(self, a: int, b: int) -> int:
        first, second = min(a, b), max(a, b)
        # In the order of the first, and of the second within.
        low, high = np.searchsorted(self.pairs.first, [first, first + 1])
        return int(low + np.searchsorted(self.pairs.second[low:high], second))
