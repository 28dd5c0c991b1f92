"""Groups are cliques, formed from the most similar pairs on, and the largest comes first."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from datasette_revimg.duplicates.groups import complete_link
from datasette_revimg.store.comparisons import Pairs

pytest.importorskip("sklearn")


def pairs_of(scores):
    """``scores`` by pair of numbers, the smaller first."""
    first, second = zip(*scores, strict=True)
    return Pairs(np.array(first), np.array(second), np.array(list(scores.values())))


def test_no_chains():
    scores = {(1, 2): 0.9, (2, 3): 0.8, (3, 4): 0.95, (4, 5): 0.7}
    assert complete_link(pairs_of(scores)) == [[1, 2], [3, 4]]


def test_the_largest_first_and_equal_ones_by_number():
    scores = {(7, 8): 0.99, (1, 2): 0.9, (4, 5): 0.8, (4, 6): 0.8, (5, 6): 0.8}
    assert complete_link(pairs_of(scores)) == [[4, 5, 6], [1, 2], [7, 8]]


def test_a_picture_that_fits_two_groups_is_in_the_nearer_one():
    scores = {(1, 2): 0.9, (2, 3): 0.91}
    assert complete_link(pairs_of(scores)) == [[2, 3]]


def test_a_pair_that_somebody_has_called_different():
    scores = {(1, 2): 0.99, (1, 3): 0.9, (2, 3): 0.8}
    assert complete_link(pairs_of(scores)) == [[1, 2, 3]]
    assert complete_link(pairs_of(scores), {(1, 2)}) == [[1, 3]]
    assert complete_link(pairs_of(scores), {(1, 2), (1, 3), (2, 3)}) == []


def test_no_pairs():
    none = np.empty(0, np.int64)
    assert complete_link(Pairs(none, none, np.empty(0))) == []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("minimum", [0.5, 0.75, 0.9])
def test_like_scikit_learn(seed, minimum):
    from sklearn.cluster import AgglomerativeClustering

    rng = np.random.default_rng(seed)
    cosines = rng.random((40, 40))
    cosines = np.maximum(cosines, cosines.T)
    np.fill_diagonal(cosines, 1)
    first, second = np.nonzero(np.triu(cosines >= minimum, 1))
    found = complete_link(Pairs(first, second, cosines[first, second]))
    for group in found:
        assert all(cosines[a, b] >= minimum for a, b in combinations(group, 2))
    labels = AgglomerativeClustering(
        n_clusters=None, distance_threshold=1 - minimum, metric="precomputed", linkage="complete"
    ).fit_predict(1 - cosines)
    expected = {tuple(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}
    assert set(map(tuple, found)) == {group for group in expected if len(group) > 1}
