"""Rows of one group belong together: measure how far above the others a row's group is ranked.

As with the Holidays dataset: each row of a group asks, and is not among its own results (H. Jégou,
M. Douze, C. Schmid, "Hamming Embedding and Weak Geometric Consistency", 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..vectors import measures

# Rows that ask at once: their scores with 100,000 rows take 26 MB.
_BLOCK = 64

# How far down precision looks.
DEPTH = 10

# Recalls at which the curve has a value.
LEVELS = 21


@dataclass(frozen=True)
class GroupMeasures:
    """Means over ``queries`` rows, each from 0 to 1.

    ``ns_score`` is how many of a group of four are among the four best, the row itself included,
    from 0 to 4 (D. Nistér, H. Stewénius, "Scalable Recognition with a Vocabulary Tree", 2006); None
    where not every group has four. ``curve`` is the interpolated precision at LEVELS recalls.
    """

    queries: int
    mean_average_precision: float
    precision_at_10: float
    recall_at_1: float
    ns_score: float | None
    curve: list[float]


def measure(vectors: np.ndarray, groups: Sequence[object]) -> GroupMeasures:
    """Rank unit vectors float32 (N, D) for each row that isn't alone in its group.

    Raises RevimgError when all are.
    """
    _, codes, counts = np.unique(
        np.array([repr(group) for group in groups]), return_inverse=True, return_counts=True
    )
    asking = np.flatnonzero(counts[codes] > 1)
    if not len(asking):
        raise RevimgError(
            "every row is alone in its group: --groups takes a column whose values several rows "
            "share"
        )
    average, precision, first, four, curves = [], [], [], [], []
    for start in range(0, len(asking), _BLOCK):
        rows = asking[start : start + _BLOCK]
        scores = vectors[rows] @ vectors.T
        relevant = codes[rows, None] == codes
        four.append(measures.top_hits(scores, relevant, 4))
        own = np.arange(len(rows)), rows
        scores[own], relevant[own] = -np.inf, False
        average.append(measures.average_precisions(scores, relevant))
        precision.append(measures.precisions_at(scores, relevant, DEPTH))
        first.append(measures.found_at(scores, relevant, 1))
        curves.append(
            len(rows) * measures.interpolated_precision(scores, relevant, LEVELS),
        )
    return GroupMeasures(
        queries=len(asking),
        mean_average_precision=float(np.concatenate(average).mean()),
        precision_at_10=float(np.concatenate(precision).mean()),
        recall_at_1=float(np.concatenate(first).mean()),
        ns_score=float(np.concatenate(four).mean()) if (counts == 4).all() else None,
        curve=(np.sum(curves, axis=0) / len(asking)).tolist(),
    )
