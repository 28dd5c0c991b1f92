"""Whitening by its formula, in float64."""

from __future__ import annotations

import numpy as np

from datasette_revimg.vectors.whitening import EPSILON


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return the vectors (n, D), each of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def whitened(vectors: np.ndarray, learnt_from: np.ndarray) -> np.ndarray:
    """Return unit((x - μ)·E·(λ/λ₁ + ε)^-½), float64 (n, D)."""
    vectors, learnt_from = vectors.astype(np.float64), learnt_from.astype(np.float64)
    variances, directions = np.linalg.eigh(np.cov(learnt_from, rowvar=False))
    scale = np.sqrt(variances / variances.max() + EPSILON)
    return unit((vectors - learnt_from.mean(axis=0)) @ directions / scale)
