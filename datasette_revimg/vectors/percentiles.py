"""Percentiles: how unusual a cosine is among the pairs of its own collection.

What a cosine means depends on the collection and the network: 0.6 is next to nothing in one network
and a lot in another, and all pictures of playing cards are alike. A percentile means the same
everywhere: this pair is more similar than 99.9 % of all pairs.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import RevimgError

# A sample of this many pictures has a million pairs.
SAMPLE = 1500

# The fractions of pairs whose cosines are kept: every percent, and ever finer towards the most
# similar ones, because these are what people ask for.
FRACTIONS = np.concatenate([np.arange(0, 0.99, 0.01), 1 - np.logspace(-2, -6, 161), [1.0]])


@dataclass(frozen=True)
class Distribution:
    """The distribution of the cosines of a collection's pairs.

    ``quantiles`` are the sampled cosines at FRACTIONS of the pairs, float32 in ascending order;
    ``pairs`` is how many pairs were sampled, ``vectors`` how many vectors the collection had.
    """

    quantiles: np.ndarray
    pairs: int
    vectors: int

    def percentile(self, score: float) -> float:
        """Return the percentage of the collection's pairs that are less similar than ``score``.

        It is 0 at least and always less than 100, because no sample can rule out a better pair.
        """
        # Where many pairs have the same cosine: the fraction below all of them.
        above = bisect_left(self._quantiles, score)
        if above == 0:
            return 0.0
        if above == len(self._quantiles):
            fraction = 1.0
        else:
            low, high = self._quantiles[above - 1 : above + 1]
            share = (score - low) / (high - low)
            fraction = FRACTIONS[above - 1] + share * (FRACTIONS[above] - FRACTIONS[above - 1])
        return 100 * min(float(fraction), self.pairs / (self.pairs + 1))

    @cached_property
    def _quantiles(self) -> list[float]:
        # For one score at a time, numpy takes ten times as long as a bisection of a list.
        return [float(quantile) for quantile in self.quantiles]

    def score(self, percentile: float) -> float:
        """Return the cosine that this percentage of the pairs stay below."""
        return float(np.interp(percentile / 100, FRACTIONS, self.quantiles))


def from_sample(sample: np.ndarray, vectors: int) -> Distribution:
    """Return the distribution of a collection of ``vectors`` vectors.

    ``sample`` are at least two of them, unit vectors float32 (n, D).
    """
    rows, columns = np.triu_indices(len(sample), 1)
    cosines = (sample @ sample.T)[rows, columns]
    quantiles = np.quantile(cosines, FRACTIONS).astype(np.float32)
    return Distribution(quantiles, len(cosines), vectors)


def in_words(percentile: float) -> str:
    """Return the percentile with enough digits to differ from 100, rounded down: “99.98”."""
    digits = 0 if percentile < 90 else 1
    while digits < 4 and percentile >= 100 - 2 * 10.0**-digits:
        digits += 1
    return f"{np.floor(percentile * 10**digits) / 10**digits:.{digits}f}"


@dataclass(frozen=True)
class Minimum:
    """The smallest similarity that a search accepts: a cosine, or a percentile."""

    value: float
    is_percentile: bool = False

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.is_percentile else f"{self.value:g}"

    @property
    def in_words(self) -> str:
        """Return the minimum as a condition."""
        if self.is_percentile:
            return f"more similar than {self.value:g} % of all pairs"
        return f"cosine ≥ {self.value:g}"

    @property
    def as_score(self) -> str:
        """Return the minimum as what follows “37 results”."""
        return self.in_words if self.is_percentile else f"with score ≥ {self.value:g}"

    def score(self, distribution: Distribution | None) -> float:
        """Return the minimum as a cosine, given the distribution of the collection's cosines.

        Raises RevimgError for a percentile when the distribution isn't known.
        """
        if not self.is_percentile:
            return self.value
        if distribution is None:
            raise RevimgError(
                f"{self} has no meaning yet, because the table's pairs were not sampled: run "
                "`datasette revimg embed` once more, or give a cosine"
            )
        return distribution.score(self.value)


def parse_minimum(text: str) -> Minimum:
    """Return the minimum in “0.8” or “99.9%”.

    Raises ValueError when the text is neither a cosine nor a percentage.
    """
    is_percentile = text.endswith("%")
    value = float(text.removesuffix("%"))
    if not (0 <= value <= 100 if is_percentile else -1 <= value <= 1):
        raise ValueError(text)
    return Minimum(value, is_percentile)
