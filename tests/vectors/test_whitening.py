"""Whitening: the formula, beside float64 and LAPACK, and what has no direction."""

import numpy as np
import pytest

from datasette_revimg.vectors.whitening import (
    MOST_DIRECTIONS,
    base_name,
    base_weights,
    is_whitened,
    learn,
)
from kit.whitened import unit, whitened


def sample(rows, dimension, seed=0):
    """Unit vectors of positive numbers, which have much in common, in directions of many sizes."""
    rng = np.random.default_rng(seed)
    sizes = np.geomspace(1, 0.1, dimension)
    return unit(rng.exponential(size=(rows, dimension)) * sizes).astype(np.float32)


def test_cosines_are_those_of_the_formula():
    vectors = sample(2000, 24)
    whitening = learn(vectors[:1500])
    assert (whitening.rows, whitening.dimension) == (1500, 24)
    computed = whitening.apply(vectors)
    assert computed.dtype == np.float32
    assert np.linalg.norm(computed, axis=1) == pytest.approx(1, abs=1e-5)
    expected = whitened(vectors, vectors[:1500])
    # The directions' signs are free, the cosines aren't; the matrix is float16.
    assert computed @ computed.T == pytest.approx(expected @ expected.T, abs=3e-3)
    # What all have in common is gone.
    assert (vectors @ vectors.T).mean() > 0.4
    assert abs((computed @ computed.T).mean()) < 0.02


def test_no_more_directions_than_vectors_differ_in():
    few = unit(sample(1200, 3) @ np.random.default_rng(1).normal(size=(3, 50))).astype(np.float32)
    assert learn(few).dimension == 3
    assert learn(sample(MOST_DIRECTIONS + 200, 1100)).dimension == MOST_DIRECTIONS


def test_vectors_without_a_direction():
    whitening = learn(sample(1000, 8))
    zeros = np.zeros((1, 8), np.float32)
    assert not whitening.apply(zeros).any()
    assert np.isfinite(whitening.apply(whitening.mean[np.newaxis])).all()
    with pytest.raises(ValueError, match="the same"):
        learn(np.repeat(sample(1, 8), 1000, axis=0))


def test_names_tell_whitenings_apart():
    one, other = (learn(sample(1000, 8, seed)) for seed in (0, 1))
    again = learn(sample(1000, 8))
    names = [each.name("vgg16-fc2") for each in (one, other, again)]
    assert names[0] == names[2] != names[1]
    assert all(is_whitened(name) and base_name(name) == "vgg16-fc2" for name in names)
    # Never a chain of them.
    assert other.name(names[0]) == names[1]
    assert one.weights("abc") != other.weights("abc") == other.weights(one.weights("abc"))
    assert base_weights(one.weights("abc")) == base_weights("abc") == "abc"
    assert (is_whitened("vgg16-fc2"), base_name("vgg16-fc2")) == (False, "vgg16-fc2")
