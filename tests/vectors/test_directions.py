"""Principal directions, against the exact decomposition."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.vectors.directions import principal_directions


def spread_out(rows: int, dimension: int, seed: int = 2) -> np.ndarray:
    """Make vectors that reach much further in some directions than in others."""
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    lengths = 1 / np.arange(1, dimension + 1) ** 0.7
    return (rng.normal(size=(rows, dimension)) * lengths @ axes).astype(np.float32)


@pytest.mark.parametrize("shape", [(500, 80), (80, 500), (12, 7), (7, 12)])
def test_directions_are_those_of_the_exact_decomposition(shape):
    vectors = spread_out(*shape)
    directions = principal_directions(vectors, 4, 12)
    assert directions.shape == (4, shape[1])
    assert directions.dtype == np.float32
    _, _, exact = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    along = np.abs(np.sum(directions * exact[:4], axis=1))
    assert along == pytest.approx(np.ones(4), abs=1e-5)


def test_few_iterations_leave_out_little_more_than_none_could():
    vectors = spread_out(3000, 300)
    directions = principal_directions(vectors, 64, 3)
    assert directions @ directions.T == pytest.approx(np.eye(64), abs=1e-5)
    sizes = np.linalg.svd(vectors.astype(np.float64), compute_uv=False)
    left = np.sum(vectors.astype(np.float64) ** 2) - np.sum((vectors @ directions.T) ** 2)
    assert left < 1.01 * np.sum(sizes[64:] ** 2)


def test_more_directions_than_dimensions():
    directions = principal_directions(spread_out(30, 5), 9, 3)
    assert directions.shape == (5, 5)
    assert directions @ directions.T == pytest.approx(np.eye(5), abs=1e-5)


def test_nothing_to_choose_from():
    directions = principal_directions(np.zeros((3, 6), np.float32), 2, 3)
    assert directions @ directions.T == pytest.approx(np.eye(2), abs=1e-5)


def test_same_vectors_same_directions():
    vectors = spread_out(200, 50)
    assert (principal_directions(vectors, 5, 3) == principal_directions(vectors, 5, 3)).all()
