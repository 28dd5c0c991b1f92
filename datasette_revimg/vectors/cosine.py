"""Cosine similarity: of two vectors' bytes, of every pair of vectors, of a query made of several.

The cosine of two vectors is their dot product divided by the product of their lengths, from -1 to
1; of unit vectors (L2-normalised ones, as all stored vectors are) it is the dot product.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import RevimgError

# A vector's bytes: little-endian float32, which llm and sqlite-vec store too.
VECTOR_DTYPE = np.dtype("<f4")

# No embedding is longer: 65,536 floats. What isn't an embedding is no reason to hold its bytes.
LONGEST_BYTES = 65_536 * VECTOR_DTYPE.itemsize

# Squared lengths that float32 computes without vanishing or overflowing products, with a margin.
_LEAST_SQUARE, _MOST_SQUARE = 1e-30, 1e30

# Longer ones are computed again in float64, and what numpy has to say of them is said by no row.
warnings.filterwarnings("ignore", "(overflow|invalid value) encountered", RuntimeWarning, __name__)

# How much "not like this" weighs against "like this": enough to turn the ranking, too little
# to fill it with the opposite of everything.
UNLIKE_WEIGHT = 0.5


def unit_vector(blob: object, dimension: int) -> np.ndarray | None:
    """Return the vector in a BLOB, float32 (dimension,), scaled to length 1.

    None when the value isn't the bytes of a vector of that dimension, or when the vector is all
    zeros or not finite, and so has no direction.
    """
    if not isinstance(blob, bytes) or len(blob) != dimension * VECTOR_DTYPE.itemsize:
        return None
    # The square of a float32 is no float32 when the number is very small or very large.
    vector = np.frombuffer(blob, VECTOR_DTYPE).astype(np.float64)
    length = math.sqrt(np.dot(vector, vector))
    if not 0.0 < length < math.inf:
        return None
    return np.asarray(vector / length, np.float32)


def blob_cosine() -> Callable[[Any, Any], float | None]:
    """Return a function of two BLOBs, vectors' bytes, that returns their cosine, in -1..1.

    It returns None (SQL's NULL) when either isn't such a BLOB, when the lengths differ, or when a
    vector is all zeros or not finite, for which there is no cosine. In a query one side is usually
    the same in every row: that one is kept decoded, whichever it is.
    """
    # Called for every row: local names and few calls are what makes it fast, and a method is
    # quicker to call than np.dot. What changes from row to row isn't kept, so that its memory is
    # used again while it is in the processor's cache.
    decode, root, dtype, least, most = (
        np.frombuffer,
        math.sqrt,
        VECTOR_DTYPE,
        _LEAST_SQUARE,
        _MOST_SQUARE,
    )
    nothing = np.empty(0, dtype)
    a_blob, a_dot, a_norm = b"", nothing.dot, 0.0
    b_blob, b_dot, b_norm = b"", nothing.dot, 0.0

    def cosine_similarity(a: Any, b: Any) -> float | None:
        nonlocal a_blob, a_dot, a_norm, b_blob, b_dot, b_norm
        try:
            if b == b_blob:
                x = decode(a, dtype)
                square, norm, product = x.dot(x), b_norm, b_dot(x)
            elif a == a_blob:
                x = decode(b, dtype)
                square, norm, product = x.dot(x), a_norm, a_dot(x)
            elif len(a) != len(b) or len(a) > LONGEST_BYTES:
                return None
            else:
                x, y = decode(a, dtype), decode(b, dtype)
                square, other = x.dot(x), y.dot(y)
                # Also false for what isn't a number.
                if not (least < square < most and least < other < most):
                    return _exact_cosine(x, y)
                a_blob, a_dot, a_norm = a, x.dot, root(square)
                b_blob, b_dot, b_norm = b, y.dot, root(other)
                norm, product = b_norm, a_dot(y)
        except (TypeError, ValueError):
            # No BLOB, no whole number of floats, or not as many as the other has.
            return None
        if not least < square < most:
            return _exact_cosine(decode(a, dtype), decode(b, dtype))
        cosine = float(product) / (norm * root(square))
        return 1.0 if cosine > 1.0 else -1.0 if cosine < -1.0 else cosine

    return cosine_similarity


def _exact_cosine(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return the cosine of two float32 vectors of any length, computed in float64; or None."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = math.sqrt(x.dot(x)) * math.sqrt(y.dot(y))
    if not 0.0 < norms < math.inf:
        return None
    return min(1.0, max(-1.0, float(x.dot(y)) / norms))


def cosine_matrix(vectors: np.ndarray) -> np.ndarray:
    """Return the cosine of every pair of unit vectors float32 (n, D), float32 (n, n).

    The matrix is symmetric to the bit, and its diagonal is 1.
    """
    cosines = np.clip(vectors @ vectors.T, -1, 1)
    # A product of a matrix and its transpose is symmetric on most machines, not on all.
    cosines = np.maximum(cosines, cosines.T)
    np.fill_diagonal(cosines, 1)
    return np.asarray(cosines, np.float32)


def combine(like: Sequence[np.ndarray], unlike: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Return one unit query vector, float32 (D,), made of several unit vectors (D,).

    The mean of ``like`` minus UNLIKE_WEIGHT times the mean of ``unlike``: J. Rocchio, "Relevance
    feedback in information retrieval", 1971. One of ``like`` may be several vectors (m, D), such as
    those of a picture and of its parts: each is combined with the others, to (m, D). Raises
    RevimgError when nothing is left after the subtraction.
    """
    query = sum(vector.astype(np.float64) for vector in like) / len(like)
    if len(unlike):
        query -= UNLIKE_WEIGHT * np.mean(unlike, axis=0, dtype=np.float64)
    length = np.linalg.norm(query, axis=-1, keepdims=True)
    if not np.all(length > 1e-9):
        raise RevimgError("“like” and “unlike” cancel out: choose fewer or other rows")
    return np.asarray(query / length, np.float32)
