"""Principal directions: those in which vectors reach furthest from the origin."""

from __future__ import annotations

import numpy as np

# Directions that are iterated besides those that are wanted: they take up what would else make
# the last of these converge slowly.
_OVERSAMPLING = 16


def principal_directions(vectors: np.ndarray, count: int, iterations: int) -> np.ndarray:
    """Return the first right singular vectors of vectors (n, D), float32 (at most count, D).

    Orthonormal rows, the direction with the largest sum of squares first; D of them when D is
    less than ``count``. Nothing is subtracted: centre the vectors first for principal components.
    Randomised subspace iteration (N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with
    randomness", 2011, algorithm 4.4). Its start is a constant, so that the result is too.
    """
    width = count + _OVERSAMPLING
    start = np.random.default_rng(0).normal(size=(vectors.shape[1], width)).astype(np.float32)
    subspace = np.linalg.qr(vectors.T @ (vectors @ start))[0]
    for _ in range(iterations):
        subspace = np.linalg.qr(vectors.T @ (vectors @ subspace))[0]
    projected = vectors @ subspace
    _, turn = np.linalg.eigh((projected.T @ projected).astype(np.float64))
    # eigh's order is ascending.
    directions = (subspace.astype(np.float64) @ turn[:, ::-1]).T[:count]
    return np.asarray(directions.astype(np.float32))
