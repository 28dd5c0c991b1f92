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
        lower, upper = codes.bounds(coded, codes.encode(basis, query[np.newaxis]))
        cosines = everything.astype(np.float64) @ query.astype(np.float64)
        assert np.all((lower <= cosines) & (cosines <= upper))


@pytest.mark.parametrize("count", [2, 7, 12, 60])
@pytest.mark.parametrize("width", [1, 40])
def test_the_bound_holds_for_the_best_of_several_queries(width, count):
    rows = np.concatenate([features(9000), noise(60, seed=2)])
    queries = np.concatenate([features(count // 2, seed=1), noise(count - count // 2, seed=3)])
    basis = codes.fit(rows, len(rows))[0][:width]
    coded = codes.encode(basis, rows)
    lower, upper = codes.bounds(coded, codes.encode(basis, queries))
    best = (rows.astype(np.float64) @ queries.T.astype(np.float64)).max(axis=1)
    assert np.all((lower <= best) & (best <= upper))
    # No wider than the widest of the single bounds.
    single = [codes.bounds(coded, codes.encode(basis, query[np.newaxis])) for query in queries]
    assert upper == pytest.approx(np.max([high for _, high in single], axis=0), abs=1e-5)
    assert lower == pytest.approx(np.max([low for low, _ in single], axis=0), abs=1e-5)


def test_no_entries_have_no_bounds():
    nothing = codes.Coded(np.empty((0, 3), np.float32), np.empty(0, np.float32))
    queries = codes.Coded(np.ones((2, 3), np.float32), np.zeros(2, np.float32))
    for each in (queries, codes.Coded(queries.codes[:1], queries.residuals[:1])):
        lower, upper = codes.bounds(nothing, each)
        assert len(lower) == len(upper) == 0


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
