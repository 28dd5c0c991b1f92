"""Products of integer matrices are exact, with the largest numbers too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from datasette_revimg.models.integer_product import LARGEST, IntegerProduct


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (70, 131, 33), (64, 1024, 96)])
def test_products_are_those_of_whole_numbers(shape):
    m, k, n = shape
    rng = np.random.default_rng(0)
    left = rng.integers(-LARGEST, LARGEST + 1, (m, k), dtype=np.int8)
    right = rng.integers(-LARGEST, LARGEST + 1, (k, n), dtype=np.int8)
    product = IntegerProduct()(left, right)
    assert product.dtype == np.int32
    np.testing.assert_array_equal(product, left.astype(int) @ right.astype(int))


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_the_largest_numbers_do_not_overflow(signs):
    left = np.full((40, 512), signs[0] * LARGEST, np.int8)
    right = np.full((512, 40), signs[1] * LARGEST, np.int8)
    expected = signs[0] * signs[1] * 512 * LARGEST**2
    assert (IntegerProduct()(left, right) == expected).all()


def test_several_threads_share_one():
    rng = np.random.default_rng(1)
    pairs = [rng.integers(-LARGEST, LARGEST + 1, (2, 50, 50), dtype=np.int8) for _ in range(40)]
    product = IntegerProduct()
    with ThreadPoolExecutor(4) as executor:
        results = list(executor.map(lambda pair: product(*pair), pairs))
    for (left, right), result in zip(pairs, results, strict=True):
        np.testing.assert_array_equal(result, left.astype(int) @ right.astype(int))
