"""Percentiles of cosines, against counting."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.errors import RevimgError
from datasette_revimg.vectors import percentiles
from datasette_revimg.vectors.percentiles import Distribution, Minimum


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return unit(np.abs(np.random.default_rng(0).normal(size=(400, 20))))


@pytest.fixture(scope="module")
def distribution(sample: np.ndarray) -> Distribution:
    return percentiles.from_sample(sample, 400)


def test_percentile_is_the_share_of_less_similar_pairs(sample, distribution):
    cosines = (sample.astype(float) @ sample.astype(float).T)[np.triu_indices(400, 1)]
    assert distribution.pairs == len(cosines) == 400 * 399 // 2
    # Every percent is kept.
    for score in np.linspace(cosines.min(), cosines.max(), 50):
        assert distribution.percentile(score) == pytest.approx(
            100 * np.mean(cosines < score), abs=1
        )
    # And finely where it counts.
    for score in np.sort(cosines)[-200::20]:
        assert distribution.percentile(score) == pytest.approx(
            100 * np.mean(cosines < score), abs=0.005
        )


def test_there_and_back(distribution):
    for percentile in (1, 50, 90, 99, 99.9, 99.99):
        assert distribution.percentile(distribution.score(percentile)) == pytest.approx(
            percentile, abs=0.01
        )


def test_never_all_and_never_less_than_none(distribution):
    assert distribution.percentile(-1) == 0
    assert 99.99 < distribution.percentile(1) < 100


def test_many_equal_pairs():
    rows = unit(np.ones((50, 8)))
    distribution = percentiles.from_sample(rows, 50)
    # More similar than none of them: all are as similar.
    assert distribution.percentile(0.99) == 0
    assert distribution.percentile(float(distribution.quantiles[0])) == 0


def test_two_rows():
    distribution = percentiles.from_sample(unit(np.array([[1.0, 0.0], [1.0, 1.0]])), 2)
    assert distribution.pairs == 1
    assert distribution.score(50) == pytest.approx(np.sqrt(0.5), abs=1e-6)


@pytest.mark.parametrize(
    ("percentile", "text"),
    [
        (0, "0"),
        (42.7, "42"),
        (95.26, "95.2"),
        (99.0, "99.0"),
        (99.97, "99.97"),
        (99.996, "99.996"),
        (99.99999, "99.9999"),
    ],
)
def test_in_words(percentile, text):
    assert percentiles.in_words(percentile) == text


def test_minimum(distribution):
    assert percentiles.parse_minimum("0.8") == Minimum(0.8)
    assert percentiles.parse_minimum("0.8").score(None) == 0.8
    assert str(percentiles.parse_minimum("99.9%")) == "99.9%"
    assert percentiles.parse_minimum("99.9%").score(distribution) == distribution.score(99.9)
    with pytest.raises(RevimgError, match="embed"):
        percentiles.parse_minimum("99.9%").score(None)
    for text in ("1.01", "-1.01", "nan", "nan%", "101%", "-1%", "", "%", "x"):
        with pytest.raises(ValueError):  # noqa: PT011
            percentiles.parse_minimum(text)
