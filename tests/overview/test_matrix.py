"""The similarity matrix: its order and its numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import combinations, pairwise, product

import numpy as np
import pytest

from datasette_revimg.overview import matrix
from datasette_revimg.vectors.cosine import cosine_matrix
from kit.clusters import clusters, unit


@pytest.mark.parametrize("sizes", [[5, 9, 2], [30, 1, 30, 12, 7], [20] * 10])
def test_order_puts_clusters_into_blocks(sizes):
    vectors, labels = clusters(sizes)
    order = matrix.cluster_order(cosine_matrix(vectors))
    assert sorted(order) == list(range(len(labels)))
    along = labels[order]
    # As many runs of equal labels as there are clusters: none is torn apart.
    assert 1 + np.count_nonzero(along[1:] != along[:-1]) == len(sizes)
    assert (order == matrix.cluster_order(cosine_matrix(vectors))).all()


def test_order_follows_a_line():
    """Directions along an arc have one best order, whichever way they were stored."""
    angles = np.random.default_rng(1).permutation(30) * 3
    vectors = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], 1)
    along = angles[matrix.cluster_order(cosine_matrix(vectors.astype(np.float32)))]
    assert list(along) in (sorted(angles), sorted(angles, reverse=True))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_order_of_few(rows):
    assert list(matrix.cluster_order(cosine_matrix(unit(rows)))) == list(range(rows))


def path_length(order: Sequence[int], distances: np.ndarray) -> float:
    """Return the sum of the distances of neighbours."""
    return float(sum(distances[row, following] for row, following in pairwise(order)))


def orders_of_tree(distances: np.ndarray) -> set[tuple[int, ...]]:
    """Return every order of the leaves of the tree by average linkage: each fork turned or not.

    The tree is built by the definition: join the two clusters whose rows' mean distance is least,
    until one is left.
    """
    clusters = [{(row,)} for row in range(len(distances))]

    def mean_distance(pair: tuple[int, int]) -> float:
        first, second = (list(next(iter(clusters[place]))) for place in pair)
        return float(distances[np.ix_(first, second)].mean())

    while len(clusters) > 1:
        first, second = min(combinations(range(len(clusters)), 2), key=mean_distance)
        pairs = list(product(clusters[first], clusters.pop(second)))
        clusters[first] = {a + b for a, b in pairs} | {b + a for a, b in pairs}
    return clusters[0]


def test_order_is_nearly_the_best_of_its_tree():
    """Against all 2**8 orders of 60 random trees of 9 leaves."""
    ratios = []
    for seed in range(60):
        vectors = np.random.default_rng(seed).normal(size=(9, 3))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        distances = 1 - vectors @ vectors.T
        orders = orders_of_tree(distances)
        assert len(orders) == 2**8
        order = tuple(matrix.cluster_order((vectors @ vectors.T).astype(np.float32)).tolist())
        assert order in orders
        best = min(path_length(other, distances) for other in orders)
        ratios.append(path_length(order, distances) / best)
    assert min(ratios) >= 1 - 1e-9
    assert np.mean(ratios) <= 1.05


def test_order_of_many_takes_no_time():
    vectors, labels = clusters([40] * 50)
    cosines = cosine_matrix(vectors)
    started = time.process_time()
    along = labels[matrix.cluster_order(cosines)]
    assert time.process_time() - started < 2
    assert np.count_nonzero(along[1:] != along[:-1]) == 49


def test_equal_vectors():
    same = np.repeat(unit(1), 4, axis=0)
    cosines = cosine_matrix(same)
    assert sorted(matrix.cluster_order(cosines)) == [0, 1, 2, 3]
    low, high = matrix.colour_range(cosines)
    assert low < high


def test_packed_pairs_are_those_above_the_diagonal():
    cosines = cosine_matrix(unit(7))
    values = np.frombuffer(matrix.pack_pairs(cosines), "<u2") / 32767.5 - 1
    pairs = [cosines[row, column] for row in range(7) for column in range(row + 1, 7)]
    assert values == pytest.approx(pairs, abs=2e-5)
