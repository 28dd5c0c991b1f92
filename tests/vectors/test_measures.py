"""Measures of a ranking, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from datasette_revimg.vectors import measures

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


def test_of_each_query_by_hand():
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.2, 0.9, 0.3, 0.4], [4, 3, 2, 1]])
    relevant = np.array([[1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], bool)
    assert measures.found_at(scores, relevant, 2).tolist() == [True, False]
    assert measures.found_at(scores, relevant, 3).tolist() == [True, True]
    assert measures.precisions_at(scores, relevant, 10).tolist() == [1 / 2, 0]
    assert measures.average_precisions(scores, relevant) == pytest.approx([5 / 6, 1 / 3])


def test_the_holidays_example():
    """The query itself isn't ranked; a correct one behind two wrong ones costs what it should."""
    scores = np.array([[-INF, 0.9, 0.8, 0.7, 0.6]])
    relevant = np.array([[False, False, False, True, True]])
    assert measures.mean_average_precision(scores, relevant) == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_interpolated_precision_by_hand():
    # Right at the places 1 and 3 of four: precision 1 up to half of them, then 2/3.
    scores, relevant = np.array([[4, 3, 2, 1]]), np.array([[True, False, True, False]])
    got = measures.interpolated_precision(scores, relevant, 5)
    assert got == pytest.approx([1, 1, 1, 2 / 3, 2 / 3])
