"""Upper bounds of the cosines of many pictures with many others, by one product of matrices.

The bound of ``vectors/codes`` is estimate + residual · residual. With the residual as one more
number of each code it is the product of these longer codes. It holds for the first numbers of a
code too, if the residual counts those that are left out; and the fewer, the faster.
"""

from __future__ import annotations

import numpy as np

from ..vectors.codes import EPSILON, WIDTHS, Coded

# To choose the width by: so many pictures are bounded against so many others.
_SAMPLE = 256, 2048

# How many times the sample's pairs there must be.
WORTH = 20

# The cost of a pair whose bound leaves it open, in multiplications: its vectors are read, and
# compared by themselves.
_OPEN_COST = 30_000


class Bounds:
    """The longer codes of n pictures, float32 (n, width + 1)."""

    def __init__(self, coded: Coded, minimum: float, pairs: int) -> None:
        """Prepare for pairs that score ``minimum`` or more, with the width that suits it best.

        There are about ``pairs`` of them to bound; of few it isn't worth while to find that out.
        """
        self._limit = np.float32(minimum - EPSILON)
        few = pairs < WORTH * _SAMPLE[0] * _SAMPLE[1]
        self._longer = _longer(coded, coded.codes.shape[1] if few else self._width(coded))

    def __len__(self) -> int:
        return len(self._longer)

    @property
    def width(self) -> int:
        """How many numbers of each code are used."""
        return int(self._longer.shape[1] - 1)

    def drop(self, places: np.ndarray) -> None:
        """Let these pictures, int64 (n,), be open to no pair from now on, if the minimum is > 0."""
        self._longer[places] = 0

    def open_pairs(
        self, rows: slice, columns: slice, out: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return which pairs may reach the minimum.

        The first array, int64 (m,), has the rows, counted from the first, that any such pair is in;
        the second, bool (m, columns), says which pairs of these rows they are. ``out`` is float32
        memory for the bounds of all pairs.
        """
        left, right = self._longer[rows], self._longer[columns]
        bounds = np.matmul(left, right.T, out=out[: len(left), : len(right)])
        return reaching(bounds, self._limit)

    def _width(self, coded: Coded) -> int:
        """Return the width with which the pairs of a sample are cheapest to decide."""
        count, whole = coded.codes.shape
        left = np.linspace(0, count - 1, min(count, _SAMPLE[0])).astype(int)
        right = np.linspace(0, count - 1, min(count, _SAMPLE[1])).astype(int)

        def cost(width: int) -> float:
            longer = [
                _longer(Coded(coded.codes[some], coded.residuals[some]), width)
                for some in (left, right)
            ]
            open_share = np.mean(longer[0] @ longer[1].T >= self._limit)
            return width + _OPEN_COST * float(open_share)

        return min((width for width in (*WIDTHS, whole) if width <= whole), key=cost)


def reaching(scores: np.ndarray, limit: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of scores float32 (n, k) that reach the limit anywhere, and, bool, where.

    Few rows do, and to find the largest number of each is quicker than to compare all.
    """
    rows = np.flatnonzero(scores.max(axis=1) >= limit)
    return rows, scores[rows] >= limit


def _longer(coded: Coded, width: int) -> np.ndarray:
    rest = coded.codes[:, width:]
    residuals = np.sqrt(coded.residuals**2 + np.vecdot(rest, rest))
    return np.ascontiguousarray(
        np.concatenate([coded.codes[:, :width], residuals[:, np.newaxis]], axis=1), np.float32
    )
