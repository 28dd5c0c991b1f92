"""The tail, which turns R-MAC of two blocks of convolutions into the vector: a power, whitening.

Block 4's channels are first divided by their loudness, as the bundled network's are for the sake of
int8. The sums of the regions' maxima of block 4 and block 5, s₄ and s₅ (512,) each (see rmac), then
become

    u = (weight · unit(s₄^exponent), unit(s₅^exponent))        v = unit((u - mean) · matrix)

The mean is that of many pictures. The matrix turns u to the principal directions E of their
deviations, and divides each by the root of its variance λ, damped: E·(λ + ε·λ₁)^-½.
What all pictures have in common no longer counts, and what they rarely have counts more. Jégou &
Chum, "Negative evidences and co-occurences in image retrieval: the benefit of PCA and whitening",
2012; how the numbers were learnt and chosen: bundled/vgg16-rmac.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from .rmac import EPSILON

FILE = Path(__file__).parents[1] / "bundled" / "vgg16-rmac-tail.npz"


@dataclass(frozen=True)
class Tail:
    """The numbers above.

    ``loudness`` is float32 (512,), ``mean`` float32 (1024,), ``matrix`` float16 (1024, D): two
    megabytes less, in two files.
    """

    exponent: float
    weight: float
    loudness: np.ndarray
    mean: np.ndarray
    matrix: np.ndarray

    @cached_property
    def identity(self) -> str:
        """Return a SHA-256 of the numbers."""
        scalars = np.array([self.exponent, self.weight])
        arrays = [scalars, self.loudness, self.mean, self.matrix]
        return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

    def apply(self, block4: np.ndarray, block5: np.ndarray) -> np.ndarray:
        """Return the unit vectors (N, D) of both blocks' sums (N, 512) each.

        Block 4's are those of maps that are divided by the loudness.
        """
        joined = joined_powers(block4, block5, self.exponent, self.weight)
        return unit((joined - self.mean) @ self.matrix.astype(np.float32))

    def save(self, file: Path) -> None:
        """Write the numbers to an .npz file."""
        np.savez(
            file,
            exponent=self.exponent,
            weight=self.weight,
            loudness=self.loudness,
            mean=self.mean,
            matrix=self.matrix,
        )


def joined_powers(
    block4: np.ndarray, block5: np.ndarray, exponent: float, weight: float
) -> np.ndarray:
    """Return u (N, 1024) of both blocks' sums (N, 512) each."""
    return np.hstack([weight * unit(block4**exponent), unit(block5**exponent)])


@cache
def bundled_tail() -> Tail:
    """Return the tail of the bundled network."""
    with np.load(FILE) as arrays:
        return Tail(
            exponent=float(arrays["exponent"]),
            weight=float(arrays["weight"]),
            loudness=arrays["loudness"],
            mean=arrays["mean"],
            matrix=arrays["matrix"],
        )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (N, D) divided by their lengths; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, EPSILON))
