"""No pair that reaches a minimum has a smaller product of integer codes than the least."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.vectors.integer_codes import fit
from kit.vector_tables import features, noise


def unlike(count, dimension):
    """Vectors of which most are alike, and some have one number only."""
    rows = features(count, 1, dimension)
    rows[::7] = np.eye(dimension, dtype=np.float32)[np.arange(len(rows[::7])) % dimension]
    return rows


SETS = {
    "features": lambda dimension: features(400, 0, dimension),
    "noise": lambda dimension: noise(400, 0, dimension),
    "one kind and another": lambda dimension: unlike(400, dimension),
}


@pytest.mark.parametrize("largest", [7, 63])
@pytest.mark.parametrize("minimum", [-0.3, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("dimension", [1, 5, 70, 200])
@pytest.mark.parametrize("kind", SETS)
def test_pairs_that_reach_a_minimum_have_the_least_product(kind, dimension, minimum, largest):
    vectors = SETS[kind](dimension)
    basis = fit(vectors[:60], minimum, largest)
    left, right = basis.encode(vectors[:150]), basis.encode(vectors[150:])
    products = left.numbers.astype(np.int64) @ right.numbers.T.astype(np.int64)
    least = basis.least_product(minimum, left, right)
    exact = vectors[:150].astype(np.float64) @ vectors[150:].T.astype(np.float64)
    assert (products >= least[:, np.newaxis])[exact >= minimum].all()
    for coded in (left, right):
        assert np.abs(coded.numbers.astype(int)).max() <= largest


def test_the_bound_is_close():
    """Of pairs that are not alike, all are ruled out."""
    vectors = noise(2000, 3, 512)
    basis = fit(vectors, 0.5, 63)
    left, right = basis.encode(vectors[:500]), basis.encode(vectors[500:])
    products = left.numbers.astype(np.int64) @ right.numbers.T.astype(np.int64)
    assert not (products >= basis.least_product(0.5, left, right)[:, np.newaxis]).any()


def test_samples_of_one_vector_and_of_zeros():
    for sample in (noise(1, 0), np.zeros((3, 8), np.float32)):
        basis = fit(sample, 0.5, 63)
        coded = basis.encode(sample)
        product = coded.numbers[0].astype(int) @ coded.numbers[0].astype(int)
        assert product >= basis.least_product(0.5, coded, coded)[0]
