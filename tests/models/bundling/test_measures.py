"""Measures of a ranking, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from datasette_revimg.models.bundling import measures

INF = np.inf


def test_by_hand():
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.2, 0.9, 0.3, 0.4]])
    relevant = np.array([[True, False, True, False], [False, False, True, False]])
    # The first query finds a right one first; the second one's only answer comes third.
    assert measures.recall_at_1(scores, relevant) == 0.5
    assert measures.precision_at_20(scores, relevant) == (1 / 2 + 0) / 2
    assert measures.mean_average_precision(scores, relevant) == pytest.approx(
        ((1 + 2 / 3) / 2 + 1 / 3) / 2
    )


def test_queries_without_an_answer_count_only_in_one_ranking():
    scores = np.array([[0.9, 0.1], [0.5, 0.2]])
    relevant = np.array([[False, False], [True, False]])
    assert measures.recall_at_1(scores, relevant) == 1
    assert measures.mean_average_precision(scores, relevant) == 1
    # The stranger's best is above the only right pair.
    assert measures.micro_average_precision(scores, relevant) == 0.5


def test_as_scikit_learn():
    rng = np.random.default_rng(5)
    scores, relevant = rng.normal(size=(20, 10)), rng.random((20, 10)) < 0.3
    relevant[:, 0] = True
    expected = np.mean(
        [average_precision_score(*row) for row in zip(relevant, scores, strict=True)]
    )
    assert measures.mean_average_precision(scores, relevant) == pytest.approx(expected)
    # Ten pictures: all of them are among each query's nearest ten.
    pooled = average_precision_score(relevant.ravel(), scores.ravel())
    assert measures.micro_average_precision(scores, relevant) == pytest.approx(pooled)
