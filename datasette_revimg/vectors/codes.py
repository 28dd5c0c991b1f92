"""Compact codes of vectors, and the bound on their error that keeps a search through them exact.

A basis V has orthonormal rows, the d directions in which the vectors of a table reach furthest. A
vector x of D numbers has the code Vx and the residual ‖x − VᵀVx‖. For any x and q, because the
codes miss only what V leaves of the two (Cauchy and Schwarz):

    |x·q − Vx·Vq| ≤ ‖x − VᵀVx‖ · ‖q − VᵀVq‖

So a row whose code admits less than the k-th best score so far can't be among the best k, and its
vector need not be read. The mean isn't subtracted: it is one of the directions, and the
bound holds as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .directions import principal_directions

# Up to this size, a table's vectors are searched whole, in memory: codes would save nothing.
WHOLE_BYTES = 32 << 20

# More than float32 arithmetic can take from a bound: a cosine computed in float32 is off by some
# 1e-7, and by what the basis lacks to be orthonormal.
EPSILON = 1e-4

# How much the rounding of a code may take from its squared residual, 1 − ‖Vx‖², whose root it
# spoils most where nothing is left.
_ROUNDING = 2e-5

# Directions to choose from. More than 256, 1 KiB a row, would spare a search a few dozen vectors,
# and cost the first one of a process half as much time again.
WIDTHS = (64, 96, 128, 192, 256)

# The expected cost of a search, for the choice of the width: bytes of codes read in a second, and
# the time to fetch and compare one vector. Only their ratio matters.
_BYTES_PER_SECOND = 15e9
_SECONDS_PER_VECTOR = 20e-6

# The width is chosen for searches of this k, and tried with this number of queries.
_TYPICAL_K = 10
_QUERIES = 64

# Each such row of a sample judges the directions, which are fitted to the others: to those they
# look better than they are.
_HELD_OUT = 8

# Vectors that one core encodes.
_FEW = 16

# Multiplications that OpenBLAS does without starting threads.
_SMALL_PRODUCT = 1 << 18

# Entries whose bounds with several queries are computed at a time: they stay in the cache.
_BLOCK = 4096

# The spectrum of features falls slowly; three iterations make the basis as good as an exact one to
# within a percent of what it leaves out.
_ITERATIONS = 3


@dataclass(frozen=True)
class Coded:
    """Codes float32 (n, d) and upper bounds of the residuals' lengths float32 (n,)."""

    codes: np.ndarray
    residuals: np.ndarray


def fit(sample: np.ndarray, rows: int) -> tuple[np.ndarray, float]:
    """Return a basis float32 (d, D) for a table, and the mean squared residual to expect of a row.

    ``sample`` float32 (n, D) are some of the table's unit vectors, ``rows`` is how many the table
    has. The width ``d`` is the one of WIDTHS that makes a search of the table cheapest.
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
    """Return how many of the directions (n, D) make a search of ``rows`` vectors cheapest.

    ``judges`` are vectors that the directions were not fitted to: some of them are searched for
    among the others.
    """
    queries, others = judges[:_QUERIES], judges[_QUERIES:]
    if not len(others):
        return len(directions)
    # The score of the k-th best of all rows, estimated by a sample. A sample smaller than rows / k
    # has no row that good; its best makes the search look dearer than it is.
    rank = min(len(others), max(1, round(_TYPICAL_K * len(others) / rows)))
    threshold = np.partition(queries @ others.T, -rank, axis=1)[:, -rank, np.newaxis]

    def seconds(width: int) -> float:
        basis = np.ascontiguousarray(directions[:width])
        query, stored = encode(basis, queries), encode(basis, others)
        bound = query.codes @ stored.codes.T + np.outer(query.residuals, stored.residuals)
        to_read = float((bound >= threshold).mean()) * rows
        return rows * width * 4 / _BYTES_PER_SECOND + to_read * _SECONDS_PER_VECTOR

    return min((w for w in (*WIDTHS, len(directions)) if w <= len(directions)), key=seconds)


def encode(basis: np.ndarray, vectors: np.ndarray) -> Coded:
    """Return the codes of vectors float32 (n, D), of length 1 or 0, in a basis float32 (d, D)."""
    # For a query or a few, one core is quicker: see bounds.
    few = len(vectors) <= _FEW
    codes = np.vecdot(basis, vectors[:, np.newaxis]) if few else vectors @ basis.T
    # A vector of zeros counts as one that no direction catches, so that every code and residual
    # together have the length 1.
    left = np.maximum(np.vecdot(vectors, vectors), 1) - np.vecdot(codes, codes)
    return Coded(codes, np.sqrt(np.maximum(left, 0) + np.float32(_ROUNDING)))


def bounds(coded: Coded, queries: Coded) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest cosine that each entry can have with the queries.

    ``queries`` holds the codes of one or several vectors, of which the one whose cosine with an
    entry is largest counts for it. Both results are float32 (n,).
    """
    rows = len(coded.residuals)
    lower, upper = np.empty(rows, np.float32), np.empty(rows, np.float32)
    several = len(queries.codes) > 1
    for start in range(0, rows, _BLOCK if several else max(rows, 1)):
        part = slice(start, start + _BLOCK if several else rows)
        # Row by row, or in small products, on one core: OpenBLAS would start threads, which wait
        # for each other whenever the other cores have something else to do.
        codes = coded.codes[part]
        estimates = _products(queries.codes, codes) if several else np.vecdot(codes, queries.codes)
        errors = coded.residuals[part] * queries.residuals[:, np.newaxis] + np.float32(EPSILON)
        lower[part] = (estimates - errors).max(axis=0)
        upper[part] = (estimates + errors).max(axis=0)
    return lower, upper


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the products of rows float32 (m, d) and (n, d), float32 (m, n), on one core."""
    products = np.empty((len(a), len(b)), np.float32)
    step = max(_SMALL_PRODUCT // a.size, 1)
    for start in range(0, len(b), step):
        part = slice(start, start + step)
        np.matmul(a, b[part].T, out=products[:, part])
    return products
