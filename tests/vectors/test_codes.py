"""Codes and the bound on their error, against arithmetic in float64."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.vectors import codes
from kit.vector_tables import DIMENSION, features, noise


@pytest.mark.parametrize("width", [1, 8, 40, DIMENSION])
def test_the_bound_holds_for_every_pair(width):
    rows, queries = features(400), features(60, seed=1)
    # Also for vectors that have nothing to do with what the basis was fitted to.
    strange = noise(60, seed=2)
    everything = np.concatenate([rows, strange])
    basis = codes.fit(rows, len(rows))[0][:width]
    coded = codes.encode(basis, everything)
    for query in np.concatenate([queries, strange[:10]]):
        estimates, margins = codes.bounds(coded, codes.encode(basis, query[np.newaxis]))
        cosines = everything.astype(np.float64) @ query.astype(np.float64)
        assert np.all(np.abs(cosines - estimates) <= margins)


def test_the_basis_is_orthonormal_and_as_good_as_the_exact_one():
    rows = features(2000, dimension=256)
    basis, _ = codes.fit(rows, 1_000_000)
    assert basis @ basis.T == pytest.approx(np.eye(len(basis)), abs=1e-5)
    left = np.mean(codes.encode(basis, rows).residuals ** 2)
    values = np.linalg.svd(rows.astype(np.float64), compute_uv=False) ** 2
    assert left <= 1.05 * values[len(basis) :].sum() / len(rows) + 1e-4
    others = np.random.default_rng(5).permutation(features(9000, dimension=256))
    basis, expected = codes.fit(others[:4000], 1_000_000)
    assert expected == pytest.approx(
        np.mean(codes.encode(basis, others[4000:]).residuals ** 2), rel=0.05
    )
