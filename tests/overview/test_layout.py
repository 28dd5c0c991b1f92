"""The layout of a map."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.overview import layout
from kit.clusters import clusters, unit


def neighbours(places: np.ndarray) -> np.ndarray:
    """Return for every place the index of the nearest other one."""
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(axis=1)


@pytest.mark.parametrize("shape", [(60, 24), (24, 60), (900, 40)])
def test_components_are_those_of_the_exact_decomposition(shape):
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=shape) * np.linspace(3, 0.1, shape[1])).astype(np.float32)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    components = layout.principal_components(vectors, 3)
    for column, expected in zip(components.T, (left * sizes).T, strict=False):
        assert min(abs(column - expected).max(), abs(column + expected).max()) < 1e-3
        assert column[abs(column).argmax()] > 0


def test_components_of_few_and_of_equal_vectors():
    assert layout.principal_components(np.ones((1, 5), np.float32), 2).tolist() == [[0, 0]]
    assert not layout.principal_components(np.ones((4, 5), np.float32), 2).any()
    assert not layout.principal_components(np.repeat(unit(1), 7, axis=0), 2).any()
    two = layout.principal_components(np.eye(2, 5, dtype=np.float32), 2)
    assert abs(two[0, 0] - two[1, 0]) == pytest.approx(np.sqrt(2), abs=1e-6)
    # Two points differ along one line.
    assert not two[:, 1].any()
    assert layout.pca(np.ones((3, 5), np.float32)).tolist() == [[0.5, 0.5]] * 3


def tsne(vectors):
    return layout.tsne(layout.leading_components(vectors))


@pytest.mark.parametrize("method", [layout.pca, tsne])
def test_similar_pictures_are_near_each_other(method):
    vectors, labels = clusters([15, 20, 12])
    places = method(vectors)
    assert places.shape == (47, 2)
    assert places.dtype == np.float32
    assert places.min() >= 0
    assert places.max() <= 1
    assert (labels[neighbours(places)] == labels).mean() > 0.95
    assert (places == method(vectors)).all()


def test_spread_keeps_the_order_and_the_gaps():
    places = np.array([[0, 5], [1, 5], [2, 5], [100, 5]], np.float32)
    spread = layout.spread(places)
    x = spread[:, 0]
    assert list(np.argsort(x)) == [0, 1, 2, 3]
    assert (x[0], x[3]) == (0, 1)
    # The outlier no longer presses the others together, but a gap is still to be seen.
    assert 0.1 < x[1] < 0.3
    assert x[3] - x[2] > 2 * (x[2] - x[1])
    assert (spread[:, 1] == 0.5).all()
