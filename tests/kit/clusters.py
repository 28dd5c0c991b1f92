"""Unit vectors in clusters, shuffled."""

from __future__ import annotations

import numpy as np


def unit(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 24)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clusters(sizes: list[int], seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors close to one direction a cluster, shuffled, and the cluster of each."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = unit(len(sizes), seed)[labels] + rng.normal(size=(len(labels), 24)) * 0.03
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), labels
