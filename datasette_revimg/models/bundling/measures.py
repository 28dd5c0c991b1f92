"""How good a ranking is: recall, precision and average precision from a matrix of scores.

``scores`` is float (queries, N), higher is better, -inf where a picture must not be ranked, such
as a query itself; ``relevant`` is bool of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Scores and which are relevant → the measure.
Measure = Callable[[np.ndarray, np.ndarray], float]

# How far down precision looks.
DEPTH = 20

# The nearest of each query that micro average precision pools.
NEAREST = 10


def recall_at_1(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the share of the queries, among those with an answer, whose best one is relevant."""
    asked = relevant.any(axis=1)
    best = scores[asked].argmax(axis=1)
    return float(relevant[asked][np.arange(len(best)), best].mean())


def precision_at_20(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the mean share of relevant pictures among each query's 20 best.

    A query with fewer than 20 relevant pictures can reach 1 all the same: it is measured at as
    many as it has.
    """
    shares = []
    for row, right in zip(scores, relevant, strict=True):
        depth = min(DEPTH, int(right.sum()))
        if depth:
            shares.append(right[_best_first(row)[:depth]].mean())
    return float(np.mean(shares))


def mean_average_precision(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the mean over queries of the precision at each relevant picture (mAP)."""
    averages = []
    for row, right in zip(scores, relevant, strict=True):
        if right.any():
            averages.append(_average_precision(right[_best_first(row)], int(right.sum())))
    return float(np.mean(averages))


def micro_average_precision(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the average precision of all queries' nearest pictures in one ranking (µAP).

    Queries without an answer, strangers, cost precision if they score high, so this measures
    whether one threshold fits all queries. Douze et al., "The 2021 Image Similarity Dataset and
    Challenge", 2021, section 4.1.
    """
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
    pooled = np.take_along_axis(scores, nearest, axis=1).ravel()
    right = np.take_along_axis(relevant, nearest, axis=1).ravel()
    return _average_precision(right[_best_first(pooled)], int(relevant.sum()))


def _best_first(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, kind="stable")


def _average_precision(ranked: np.ndarray, total: int) -> float:
    """Return the sum of the precision at each relevant place over the number to be found."""
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].sum() / total)
