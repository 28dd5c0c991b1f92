"""How good a ranking is: recall, precision and average precision from a matrix of scores.

``scores`` is float (queries, N), higher is better, -inf where a picture must not be ranked, such
as a query itself; ``relevant`` is bool of the same shape. Equal scores rank in the order of their
places.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Scores and which are relevant → the measure.
Measure = Callable[[np.ndarray, np.ndarray], float]

# The nearest of each query that micro average precision pools.
NEAREST = 10


def recall_at_1(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the share of the queries, among those with an answer, whose best one is relevant."""
    return float(found_at(scores, relevant, 1).mean())


def precision_at_20(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the mean precision of the 20 best, see ``precisions_at``."""
    return float(precisions_at(scores, relevant, 20).mean())


def mean_average_precision(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the mean over queries of their average precision (mAP)."""
    return float(average_precisions(scores, relevant).mean())


def found_at(scores: np.ndarray, relevant: np.ndarray, depth: int) -> np.ndarray:
    """Return whether one of the ``depth`` best is relevant, bool, of each query with an answer."""
    asked = relevant.any(axis=1)
    ranked = _best_first(scores[asked])[:, :depth]
    return np.asarray(np.take_along_axis(relevant[asked], ranked, axis=1).any(axis=1))


def precisions_at(scores: np.ndarray, relevant: np.ndarray, depth: int) -> np.ndarray:
    """Return the share of relevant pictures among the ``depth`` best, of each query with an answer.

    A query with fewer relevant pictures can reach 1 all the same: it is measured at as many as it
    has.
    """
    asked = relevant.any(axis=1)
    ranked = _best_first(scores[asked])[:, :depth]
    right = np.take_along_axis(relevant[asked], ranked, axis=1)
    depths = np.minimum(depth, relevant[asked].sum(axis=1))
    within = np.arange(right.shape[1]) < depths[:, None]
    return np.asarray((right & within).sum(axis=1) / depths)


def top_hits(scores: np.ndarray, relevant: np.ndarray, depth: int) -> np.ndarray:
    """Return how many of the ``depth`` best are relevant, of each query."""
    ranked = _best_first(scores)[:, :depth]
    return np.asarray(np.take_along_axis(relevant, ranked, axis=1).sum(axis=1))


def average_precisions(scores: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Return the mean of the precision at each relevant picture, of each query with an answer."""
    asked = relevant.any(axis=1)
    right = np.take_along_axis(relevant[asked], _best_first(scores[asked]), axis=1)
    return np.array([_average_precision(row, int(row.sum())) for row in right])


def micro_average_precision(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Return the average precision of all queries' nearest pictures in one ranking (µAP).

    Queries without an answer, strangers, cost precision if they score high, so this measures
    whether one threshold fits all queries. Douze et al., "The 2021 Image Similarity Dataset and
    Challenge", 2021, section 4.1.
    """
    nearest = _best_first(scores)[:, :NEAREST]
    pooled = np.take_along_axis(scores, nearest, axis=1).ravel()
    right = np.take_along_axis(relevant, nearest, axis=1).ravel()
    return _average_precision(right[_best_first(pooled)], int(relevant.sum()))


def interpolated_precision(scores: np.ndarray, relevant: np.ndarray, levels: int) -> np.ndarray:
    """Return the mean interpolated precision at evenly spaced recalls from 0 to 1, (levels,).

    Interpolated is the highest precision at that recall or a higher one: C. Manning, P. Raghavan,
    H. Schütze, "Introduction to Information Retrieval", 2008, section 8.4.
    """
    asked = relevant.any(axis=1)
    right = np.take_along_axis(relevant[asked], _best_first(scores[asked]), axis=1)
    found = np.cumsum(right, axis=1)
    precision = found / np.arange(1, right.shape[1] + 1)
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = found[:, -1:]
    curve = np.empty((len(right), levels))
    for level in range(levels):
        # The first place at which this much is found; whole numbers, so that none is missed.
        first = (found * (levels - 1) >= total * level).argmax(axis=1)
        curve[:, level] = highest[np.arange(len(right)), first]
    return np.asarray(curve.mean(axis=0))


def _best_first(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, axis=-1, kind="stable")


def _average_precision(ranked: np.ndarray, total: int) -> float:
    """Return the sum of the precision at each relevant place over the number to be found."""
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].sum() / total)
