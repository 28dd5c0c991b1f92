"""Learn the tail of the bundled network from the sums of many pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..vgg16.tail import Tail, joined_powers
from .labelled import View

# A picture's sums of the regions' unit maxima, of block 4 and of block 5: float32 (512,) each.
Sums = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Choice:
    """The settings that the numbers of a tail are learnt with (see vgg16/tail)."""

    exponent: float = 0.5
    weight: float = 0.7
    epsilon: float = 0.03
    dimension: int = 1024


def stacked(sums: Mapping[View, Sums], views: list[View]) -> tuple[np.ndarray, np.ndarray]:
    """Return both blocks' sums (N, 512) each of some views."""
    block4, block5 = zip(*(sums[view] for view in views), strict=True)
    return np.stack(block4), np.stack(block5)


def learn_tail(
    block4: np.ndarray, block5: np.ndarray, choice: Choice, loudness: np.ndarray
) -> Tail:
    """Return the tail that whitens these pictures' sums (N, 512) each.

    Block 4's maps were divided by ``loudness``, float32 (512,), before they were summed.
    """
    joined = joined_powers(block4, block5, choice.exponent, choice.weight).astype(np.float64)
    mean = joined.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(joined - mean, rowvar=False))
    best_first = np.argsort(-variances)[: choice.dimension]
    damped = np.maximum(variances[best_first], 0) + choice.epsilon * variances.max()
    matrix = directions[:, best_first] / np.sqrt(damped)
    # Signs are as good either way; these don't depend on the library.
    matrix *= np.sign(matrix[np.abs(matrix).argmax(axis=0), np.arange(matrix.shape[1])])
    return Tail(
        exponent=choice.exponent,
        weight=choice.weight,
        loudness=loudness,
        mean=mean.astype(np.float32),
        matrix=matrix.astype(np.float16),
    )
