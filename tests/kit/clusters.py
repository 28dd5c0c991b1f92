"""Unit vectors in clusters, shuffled."""

from __future__ import annotations

import numpy as np


def unit(rows: int, seed: int = 0) -> np.ndarray:
    """Return random unit vectors of 24 float32, by row."""
    vectors: np.ndarray = np.random.default_rng(seed).normal(size=(rows, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def clusters(sizes: list[int], seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors near the direction of their cluster, shuffled, and each one's cluster."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = unit(len(sizes), seed)[labels] + rng.normal(size=(len(labels), 24)) * 0.03
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), labels
