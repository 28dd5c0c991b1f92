"""R-MAC: maps of a convolution are pooled by regions of three sizes.

Tolias, Sicre & Jégou, "Particular object retrieval with integral max-pooling of CNN activations",
2016, section 3. On a map that isn't square the regions have its aspect.
"""

from __future__ import annotations

import numpy as np

RMAC_LEVELS = 3

# Avoids 0/0 for a region, or a picture, in which no channel fires.
EPSILON = 1e-12

# Of each region: its level, its place down and its place across.
REGIONS = [
    (level, down, across)
    for level in range(1, RMAC_LEVELS + 1)
    for down in range(level)
    for across in range(level)
]


def region_slices(height: int, width: int) -> list[tuple[slice, slice]]:
    """Return the rows and the columns of each of REGIONS on a map of so many cells.

    Tolias et al.: regions at level l have the side 2·side/(l+1), l of them along each edge,
    evenly spread.
    """

    def cells(side: int, level: int, place: int) -> slice:
        length = max(1, 2 * side // (level + 1))
        start = (side - length) * place // max(1, level - 1)
        return slice(start, start + length)

    return [
        (cells(height, level, down), cells(width, level, across)) for level, down, across in REGIONS
    ]


def pool(maps: np.ndarray) -> np.ndarray:
    """Return the sum of the regions' unit maxima, (N, C), of maps (N, C, height, width)."""
    total = np.zeros(maps.shape[:2], maps.dtype)
    for rows, columns in region_slices(*maps.shape[2:]):
        maxima = maps[:, :, rows, columns].max(axis=(2, 3))
        total += maxima / np.maximum(np.linalg.norm(maxima, axis=1, keepdims=True), EPSILON)
    return total
