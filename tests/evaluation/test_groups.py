"""Measures by groups, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from datasette_revimg.errors import RevimgError
from datasette_revimg.evaluation import groups
from kit.vector_tables import noise


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_by_hand():
    # On a circle: two of a at 0 and 30 degrees, b at 10 between them, two of c far away.
    found = groups.measure(at(0, 30, 10, 90, 91), ["a", "a", "b", "c", "c"])
    # Both of a rank b first and then each other, c each other; b doesn't ask.
    assert found.queries == 4
    assert found.recall_at_1 == 0.5
    assert found.mean_average_precision == pytest.approx((1 / 2 + 1 / 2 + 1 + 1) / 4)
    # One other of each group: precision at one.
    assert found.precision_at_10 == 0.5
    assert found.ns_score is None
    assert found.curve == pytest.approx([0.75] * groups.LEVELS)


def test_four_of_each():
    # Two groups of four; the last of the first lies among the second.
    found = groups.measure(at(0, 1, 2, 101, 100, 102, 103, 104), ["a"] * 4 + ["b"] * 4)
    # The first three find three of four; the stray finds itself; b: 100 has the stray in its four
    # best, and so have 102 and 103; 104 has not.
    assert found.ns_score == pytest.approx((3 + 3 + 3 + 1 + 3 + 3 + 3 + 3) / 8)


def test_as_scikit_learn_over_more_rows_than_a_block():
    vectors, labels = noise(150, 3), np.arange(150) % 7
    scores = (vectors @ vectors.T).astype(np.float64)
    expected = [
        average_precision_score(np.delete(labels == labels[row], row), np.delete(scores[row], row))
        for row in range(150)
    ]
    found = groups.measure(vectors, labels.tolist())
    assert found.mean_average_precision == pytest.approx(np.mean(expected), abs=1e-6)


def test_types_of_groups_are_kept_apart():
    with pytest.raises(RevimgError, match="every row is alone in its group"):
        groups.measure(at(0, 90), [1, "1"])
