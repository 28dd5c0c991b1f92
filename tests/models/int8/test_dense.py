"""Dense layers in whole numbers."""

import numpy as np
import pytest

from datasette_revimg.models.int8.dense import round_columns


def test_columns_keep_their_own_range():
    """A quiet output is rounded as finely, for its size, as a loud one."""
    rng = np.random.default_rng(1)
    loudness = np.array([1e-4, 1, 1e4], np.float32)
    kernel = rng.uniform(-1, 1, (2000, 3)).astype(np.float32) * loudness
    whole, steps = round_columns(kernel)
    assert whole.dtype == np.int8
    # 7 bits: two products of 255 and 64 fit into 16 bits, in which some processors add them.
    assert np.abs(whole.astype(int)).max(axis=0).tolist() == [64, 64, 64]
    # Evenly distributed errors of at most half a step, 1 / 64.
    errors = np.sqrt(np.square(whole * steps - kernel).mean(axis=0)) / loudness
    assert errors == pytest.approx(1 / 64 / np.sqrt(12), rel=0.05)


def test_a_few_large_weights_do_not_coarsen_the_others():
    rng = np.random.default_rng(2)
    kernel = rng.normal(size=(25088, 300)).astype(np.float32)
    kernel[7] *= 4
    whole, steps = round_columns(kernel)
    nearest = np.abs(kernel).max(axis=0) / 64
    plain = np.rint(kernel / nearest) * nearest

    def error(rounded: np.ndarray) -> np.ndarray:
        return np.square(rounded - kernel).sum(axis=0)

    assert (error(whole * steps) <= error(plain) * 1.0001).all()
    assert error(whole * steps).sum() < error(plain).sum() * 0.8


def test_an_output_without_weights_stays_zero():
    kernel = np.zeros((8, 2), np.float32)
    kernel[:, 1] = 3
    whole, steps = round_columns(kernel)
    assert np.isfinite(steps).all()
    assert (whole * steps).tolist() == [[0, pytest.approx(3)]] * 8
