"""Compact codes of vectors, and the bound on their error that keeps a search through them exact.

A basis V has orthonormal rows, the d directions in which the vectors of a table spread most. A
vector x of D numbers has the code Vx and the residual ‖x − VᵀVx‖. For any x and q, because what
V leaves of the two is all that the codes don't see (Cauchy and Schwarz):

    |x·q − Vx·Vq| ≤ ‖x − VᵀVx‖ · ‖q − VᵀVq‖

So a row whose code admits less than the k-th best score found so far can't be among the best k,
and its vector need not be read. The mean isn't subtracted: it is one of the directions, and the
bound holds as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .directions import principal_directions

# Vectors of up to so many bytes are searched whole, in memory: codes would save nothing.
WHOLE_BYTES = 32 << 20

# More than float32 arithmetic can take from a bound: a cosine computed in float32 is off by some
# 1e-7, and by what the basis lacks to be orthonormal.
EPSILON = 1e-4

# What the rounding of a code may take from its squared residual, 1 − ‖Vx‖², whose root it spoils
# most where nothing is left.
_ROUNDING = 2e-5

# Directions to choose from. More than 256, 1 KiB a row, would spare a search a few dozen vectors,
# and cost the first one of a process half as much time again.
WIDTHS = (64, 96, 128, 192, 256)

# What a search is expected to cost, for the choice of the width: bytes of codes read in a second,
# and the time to fetch and compare one vector. Only their ratio matters.
_BYTES_PER_SECOND = 15e9
_SECONDS_PER_VECTOR = 20e-6

# The search that the width is chosen for, and how many rows ask for it.
_TYPICAL_K = 10
_QUERIES = 64

# Every so many rows of a sample judge what the others were fitted to: the latter look better.
_HELD_OUT = 8

# Subspace iterations: the spectrum of features falls slowly, and three make the basis as good as
# an exact one to within a percent of what it leaves out.
_ITERATIONS = 3


@dataclass(frozen=True)
class Coded:
    """Codes float32 (n, d) and upper bounds of the residuals' lengths float32 (n,)."""

    codes: np.ndarray
    residuals: np.ndarray


def fit(sample: np.ndarray, rows: int) -> tuple[np.ndarray, float]:
    """A basis float32 (d, D) for a table of so many rows, from a sample float32 (n, D) of them,
    and the mean squared residual to expect of any row.

    Randomised subspace iteration (Halko, Martinsson, Tropp, "Finding structure with randomness",
    2011, algorithm 4.4), not centred. ``d`` is what makes a search of the table cheapest.
    """
    judges = sample[::_HELD_OUT]
    fitted = np.delete(sample, np.s_[::_HELD_OUT], axis=0)
    if len(judges) < 2 * _QUERIES:
        judges = fitted = sample
    widest = max((w for w in WIDTHS if w <= min(fitted.shape) // 2), default=min(fitted.shape))
    directions = principal_directions(fitted, widest, _ITERATIONS)
    basis = np.ascontiguousarray(directions[: _width(judges, directions, rows)])
    return basis, float(np.mean(encode(basis, judges).residuals ** 2))


def _width(judges: np.ndarray, directions: np.ndarray, rows: int) -> int:
    """How many of the directions make a search of so many rows cheapest, judged by rows that the
    directions were not fitted to."""
    queries, others = judges[:_QUERIES], judges[_QUERIES:]
    if not len(others):
        return len(directions)
    # The k-th best of all rows, in a sample of them. A sample smaller than rows / k knows no row
    # that good; its best makes the search look dearer than it is.
    rank = min(len(others), max(1, round(_TYPICAL_K * len(others) / rows)))
    threshold = np.partition(queries @ others.T, -rank, axis=1)[:, -rank, np.newaxis]

    def seconds(width: int) -> float:
        basis = np.ascontiguousarray(directions[:width])
        asked, stored = encode(basis, queries), encode(basis, others)
        bound = asked.codes @ stored.codes.T + np.outer(asked.residuals, stored.residuals)
        to_read = float((bound >= threshold).mean()) * rows
        return rows * width * 4 / _BYTES_PER_SECOND + to_read * _SECONDS_PER_VECTOR

    return min((w for w in (*WIDTHS, len(directions)) if w <= len(directions)), key=seconds)


def encode(basis: np.ndarray, vectors: np.ndarray) -> Coded:
    """The codes of vectors float32 (n, D), of length 1 or 0, in a basis float32 (d, D)."""
    # A query alone: see bounds.
    one = len(vectors) == 1
    codes = np.vecdot(basis, vectors)[np.newaxis] if one else vectors @ basis.T
    # A vector of zeros counts as one that no direction catches, so that every code and residual
    # together have the length 1.
    left = np.maximum(np.vecdot(vectors, vectors), 1) - np.vecdot(codes, codes)
    return Coded(codes, np.sqrt(np.maximum(left, 0) + np.float32(_ROUNDING)))


def bounds(coded: Coded, query: Coded) -> tuple[np.ndarray, np.ndarray]:
    """What each row's cosine with the query, one row of ``encode``, is about, and by how much it
    may differ from that at most; two float32 (n,)."""
    # Row by row on one core: OpenBLAS would start threads, which wait for each other whenever
    # the other cores have something else to do.
    estimates = np.vecdot(coded.codes, query.codes[0])
    return np.asarray(estimates), coded.residuals * query.residuals[0] + np.float32(EPSILON)
