"""Cosines with rounded vectors are as close to the exact ones as is said."""

from __future__ import annotations

import numpy as np

from datasette_revimg.vectors.rounded import Rounded, round_vectors
from kit.vector_tables import features, noise


def test_no_cosine_is_off_by_more_than_its_error():
    for vectors in (features(200, dimension=256), noise(200, seed=1, dimension=256)):
        rounded = round_vectors(vectors)
        # The numbers alone are kept.
        kept = Rounded(rounded.numbers, rounded.errors).vectors.astype(np.float64)
        differences = np.abs((kept - vectors) @ vectors.T.astype(np.float64))
        assert (differences <= rounded.errors[:, np.newaxis] + 1e-7).all()
        assert rounded.numbers.dtype == np.int8
        # By the size of a step: at most half of 1/127 of the largest number in each direction.
        steps = np.abs(vectors).max(axis=1) / 127
        assert (rounded.errors <= 1.01 * np.sqrt(256) * steps / 2).all()


def test_a_vector_of_zeros():
    rounded = round_vectors(np.zeros((1, 8), np.float32))
    assert not rounded.vectors.any()
