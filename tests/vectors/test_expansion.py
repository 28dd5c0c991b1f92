"""α-weighted query expansion, against the formula in plain Python."""

import math

import numpy as np
import pytest

from datasette_revimg.vectors.expansion import expand


def unit(*numbers: float) -> np.ndarray:
    vector = np.array(numbers)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_each_result_counts_by_the_square_of_its_cosine():
    query, near, far = unit(1, 0, 0), unit(0.8, 0.6, 0), unit(0.6, 0, 0.8)
    # 1 + .8²·.8 + .6²·.6, .8²·.6, .6²·.8
    x, y, z = 1 + 0.8**3 + 0.6**3, 0.8**2 * 0.6, 0.6**2 * 0.8
    length = math.sqrt(x * x + y * y + z * z)
    (expanded,) = expand(query[np.newaxis], np.stack([near, far]))
    assert expanded.dtype == np.float32
    assert expanded == pytest.approx([x / length, y / length, z / length], abs=1e-6)


def test_what_is_opposite_or_unlike_doesnt_count():
    query = unit(1, 0, 0)
    (expanded,) = expand(query[np.newaxis], np.stack([-query, unit(0, 1, 0), unit(-0.5, 0.5, 0)]))
    assert expanded == pytest.approx(query, abs=1e-6)


def test_each_of_several_queries_takes_what_is_like_it():
    queries = np.stack([unit(1, 0), unit(0, 1)])
    expanded = expand(queries, unit(1, 0)[np.newaxis])
    assert expanded == pytest.approx(queries, abs=1e-6)
    assert np.linalg.norm(expanded, axis=1) == pytest.approx([1, 1], abs=1e-6)
