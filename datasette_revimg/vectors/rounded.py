"""Unit vectors rounded to bytes: a quarter of the size, and how much that can change a cosine.

A vector is scaled so that its largest number is 127, and rounded. The rounded one, made a unit
vector again, is all that is needed of it; the scale is not. For a unit vector q, by Cauchy and
Schwarz, |x·q − r·q| ≤ ‖x − r‖, which is kept beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DTYPE = np.dtype("i1")
ERROR_DTYPE = np.dtype("<f4")

_LARGEST = 127


@dataclass(frozen=True)
class Rounded:
    """Vectors rounded to int8 (n, D), and how far they are from the exact ones, float32 (n,)."""

    numbers: np.ndarray
    errors: np.ndarray

    @property
    def vectors(self) -> np.ndarray:
        """The rounded vectors as unit vectors, float32 (n, D); zeros for one of zeros."""
        vectors = self.numbers.astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def round_vectors(vectors: np.ndarray) -> Rounded:
    """Return unit vectors, float32 (n, D), rounded."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    numbers = np.rint(vectors * (_LARGEST / np.where(largest > 0, largest, 1))).astype(DTYPE)
    rounded = Rounded(numbers, np.zeros(len(vectors), ERROR_DTYPE))
    errors = np.linalg.norm(vectors.astype(np.float64) - rounded.vectors, axis=1)
    return Rounded(numbers, np.nextafter(errors.astype(ERROR_DTYPE), np.float32(2)))
