"""The similarity matrix: every picture of a sample compared with every other one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from ..vectors.cosine import cosine_matrix

CLUSTER, BY_KEY = "cluster", "key"

ORDERS = (CLUSTER, BY_KEY)

# The share of the pairs at either end that may lie beyond the colours' range, in percent.
BEYOND = 0.5


@dataclass(frozen=True)
class SimilarityMatrix:
    """Cosines float32 (n, n) of the rows at ``order``, int64 (n,), of those that were compared.

    ``low`` and ``high`` are the cosines that get the first and the last colour.
    """

    cosines: np.ndarray
    order: np.ndarray
    low: float
    high: float


def compute_matrix(vectors: np.ndarray, order: str) -> SimilarityMatrix:
    """Compare every pair of unit vectors float32 (n, D), in one of ORDERS."""
    cosines = cosine_matrix(vectors)
    indices = np.arange(len(cosines))
    if order == CLUSTER:
        indices = cluster_order(cosines)
        cosines = cosines[np.ix_(indices, indices)]
    low, high = colour_range(cosines)
    return SimilarityMatrix(cosines, indices, low, high)


def cluster_order(cosines: np.ndarray) -> np.ndarray:
    """Return the order of the rows, int64 (n,), that puts similar ones side by side.

    The leaves of a hierarchical clustering of cosines (n, n) by average linkage of 1 - cosine
    (D. Müllner, "fastcluster", 2013). A clustering leaves open which way each cluster is turned:
    of the four ways to join two of them, either of them turned or not, the one is taken whose
    touching rows are most similar. The last choice, between an order and its reverse, goes to the
    one whose first row comes before its last in the matrix.
    """
    # Its import takes time that other commands and pages needn't spend.
    from fastcluster import linkage

    count = len(cosines)
    if count < 3:
        return np.arange(count)
    distances = 1 - above_diagonal(cosines).astype(np.float64)
    merges = linkage(distances, "average", preserve_input=False)[:, :2].astype(int).tolist()
    # Clusters are paths: joining two of them adds one step, whichever way they are turned.
    ends = [(row, row) for row in range(count)]
    steps: list[list[int]] = [[] for _ in range(count)]
    for first, second in merges:
        _, i, j = max(
            (cosines[ends[first][i], ends[second][j]], i, j) for i in (0, 1) for j in (0, 1)
        )
        left, right = ends[first][i], ends[second][j]
        steps[left].append(right)
        steps[right].append(left)
        ends.append((ends[first][1 - i], ends[second][1 - j]))
    return np.array(_walk(steps, min(ends[-1])))


def _walk(steps: list[list[int]], start: int) -> list[int]:
    """Return all rows of a path, given each one's neighbours, from one of its ends."""
    order = [start]
    before = None
    while following := [row for row in steps[order[-1]] if row != before]:
        before = order[-1]
        order.append(following[0])
    return order


def above_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the entries of a matrix (n, n) above its diagonal, row by row, (n·(n-1)/2,)."""
    # triu_indices would take four times the memory of the entries themselves.
    return np.concatenate(
        [np.empty(0, matrix.dtype), *(row[at + 1 :] for at, row in enumerate(matrix))]
    )


def colour_range(cosines: np.ndarray) -> tuple[float, float]:
    """Return the cosines that get the first and the last colour, so that the pairs use all of them.

    The diagonal, which says nothing, is left out, and so are BEYOND percent of the pairs at either
    end: a few duplicates would leave all else in one colour.
    """
    pairs = above_diagonal(cosines)
    if not len(pairs):
        return 0.0, 1.0
    low, high = np.percentile(pairs, [BEYOND, 100 - BEYOND])
    low, high = np.floor(low * 100) / 100, np.ceil(high * 100) / 100
    return float(low), float(max(high, low + 0.01))


def write_csv(file: TextIO, names: Sequence[str], matrix: np.ndarray) -> None:
    """Write the matrix with its rows' names as header row and first column, cosines to 6 digits."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["", *names])
    for name, row in zip(names, matrix.tolist(), strict=True):
        writer.writerow([name, *(f"{value:.6f}" for value in row)])


def pack_pairs(cosines: np.ndarray) -> bytes:
    """Return the cosines above the diagonal, row by row, as little-endian uint16.

    -1 is 0, and 1 is 65535. Half of a symmetric matrix in 16 bits takes what all of it takes in 8.
    """
    pairs = above_diagonal(cosines)
    return np.round((pairs.astype(np.float64) + 1) * (65535 / 2)).astype("<u2").tobytes()
