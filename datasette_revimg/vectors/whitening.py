"""Whitening: what all vectors of a collection have in common no longer counts.

With the mean μ of the collection's unit vectors, the principal directions E of their deviations
and the variances λ along these, a unit vector x becomes

    v = unit((x - μ)·E·(λ/λ₁ + ε)^-½)

so that what few of them have counts more. ε keeps directions in which they hardly differ from
counting most. Jégou & Chum, "Negative evidences and co-occurences in image retrieval: the benefit
of PCA and whitening", 2012.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .directions import principal_directions

# Fewer vectors know too little of what is common: directions that they have by chance would count
# most.
LEAST_ROWS = 1000

# Chosen by tests/benchmarks/whitening.py: what is learnt from the very pictures that are searched
# needs more than what is learnt from others, or it hides the categories among them.
EPSILON = 0.1

# The directions that are kept, those in which the vectors differ most.
MOST_DIRECTIONS = 1024

# Directions with less than this share of the largest variance are rounding errors.
_NOTHING = 1e-6

_ITERATIONS = 3

# Between the name of a model and that of the whitening of its vectors.
_MARK = "+whitened:"

# Between the SHA-256 of the network's weights and that of the whitening.
_AND = "+"


@dataclass(frozen=True, eq=False)
class Whitening:
    """What was learnt from ``rows`` vectors of D numbers.

    ``mean`` is μ, float32 (D,), and ``matrix`` E·(λ/λ₁ + ε)^-½, float16 (D, d).
    """

    rows: int
    mean: np.ndarray
    matrix: np.ndarray

    @property
    def dimension(self) -> int:
        """The numbers d of a whitened vector."""
        return int(self.matrix.shape[1])

    @cached_property
    def digest(self) -> str:
        """The beginning of a SHA-256 of the numbers, by which models are told apart."""
        return hashlib.sha256(self.mean.tobytes() + self.matrix.tobytes()).hexdigest()[:12]

    def name(self, model: str) -> str:
        """Return the name of a model whose vectors are whitened with this."""
        return f"{base_name(model)}{_MARK}{self.digest}"

    def weights(self, sha256: str) -> str:
        """Return the identity of a network's weights, a SHA-256, with that of this whitening."""
        return f"{base_weights(sha256)}{_AND}{self.digest}"

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors, unit or zero, float32 (N, D), whitened: float32 (N, d), unit or zero."""
        whitened = (vectors - self.mean) @ self._float32_matrix
        # A vector of zeros says nothing, and must not become what the mean isn't.
        whitened[~vectors.any(axis=1)] = 0
        lengths = np.linalg.norm(whitened, axis=1, keepdims=True)
        return np.asarray(whitened / np.maximum(lengths, np.finfo(np.float32).tiny))

    @cached_property
    def _float32_matrix(self) -> np.ndarray:
        return self.matrix.astype(np.float32)


def base_name(model: str) -> str:
    """Return the name of a model without that of the whitening of its vectors."""
    return model.partition(_MARK)[0]


def base_weights(sha256: str) -> str:
    """Return the identity of a network's weights without that of a whitening."""
    return sha256.partition(_AND)[0]


def is_whitened(model: str) -> bool:
    """Return whether a model's name says that its vectors are whitened."""
    return _MARK in model


def learn(vectors: np.ndarray, epsilon: float = EPSILON, most: int = MOST_DIRECTIONS) -> Whitening:
    """Learn from unit vectors float32 (n, D), and keep at most so many directions.

    ValueError when the vectors are all the same.
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviations = vectors - mean
    count = min(most, len(vectors) - 1)
    directions = principal_directions(deviations, count, _ITERATIONS)
    projected = deviations @ directions.T
    variances = np.square(projected).sum(axis=0, dtype=np.float64) / (len(vectors) - 1)
    largest = variances.max()
    # Unit vectors that are the same to within float32.
    if largest < np.finfo(np.float32).eps ** 2:
        raise ValueError("the vectors are all the same")
    shares = variances / largest
    kept = shares > _NOTHING
    matrix = directions[kept].T / np.sqrt(shares[kept] + epsilon)
    # Signs are as good either way; these don't depend on the library.
    matrix *= np.sign(matrix[np.abs(matrix).argmax(axis=0), np.arange(matrix.shape[1])])
    return Whitening(len(vectors), mean, matrix.astype(np.float16))
