"""Explain the cosine of two whitened vectors: how much each cell of the maps gives to it.

The vector v of a picture comes from the sums s of two blocks' regions (see models/vgg16/tail): u is
made of their powers, and v = (u - mean)·M / n, n being the length. So the cosine with another
picture's vector w is a sum over the channels c of both blocks,

    v·w = Σ_c (u_c - mean_c) · g_c        g = M·w / n

Where a picture has more of a channel than most, u_c > mean_c, the cells that its maxima come from
get the channel's term, shared as heatmap shares it. What a picture has less of than most is at no
place in particular: every cell gets as much of these terms. Nothing is left over: the sum of the
cells is the cosine. A cell is negative where what is there speaks against the other picture.

Block 4's maps have four cells where block 5's have one, which gets the sum of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..models.vgg16 import rmac
from ..models.vgg16.rmac import EPSILON
from ..models.vgg16.tail import Tail, joined_powers
from .heatmap import region_shares

# Block 5's maps (C, H, W) and block 4's (C, 2H, 2W).
Maps = Sequence[np.ndarray]


def pool(maps: Maps, tail: Tail) -> np.ndarray:
    """Return the unit vector, float64 (D,), of a picture's maps."""
    block5, block4 = (rmac.pool(np.asarray(each, np.float64)[np.newaxis]) for each in maps)
    return np.asarray(tail.apply(block4, block5)[0])


def attribute_cosine(maps: Maps, other: np.ndarray, tail: Tail) -> np.ndarray:
    """Return how much each cell of a picture gives to its cosine with another one.

    ``other`` (D,) is the other picture's vector. The result is float32 (H, W), and its sum is the
    cosine.
    """
    shares = [_fine_to_coarse(region_shares(maps[1])), region_shares(maps[0])]
    block4, block5 = (share.sum(axis=(1, 2))[np.newaxis] for share in shares)
    deviation = (joined_powers(block4, block5, tail.exponent, tail.weight) - tail.mean)[0]
    matrix = tail.matrix.astype(np.float64)
    length = max(float(np.linalg.norm(deviation @ matrix)), EPSILON)
    terms = deviation * (matrix @ other) / length
    present = deviation > 0
    placed = np.concatenate(shares)
    totals = np.maximum(placed.sum(axis=(1, 2)), EPSILON)
    heat = np.tensordot(np.where(present, terms, 0) / totals, placed, 1)
    heat += terms[~present].sum() / heat.size
    return np.asarray(heat, np.float32)


def _fine_to_coarse(maps: np.ndarray) -> np.ndarray:
    """Return the sums of every 2 × 2 cells of maps (C, 2H, 2W)."""
    channels, height, width = maps.shape
    return np.asarray(maps.reshape(channels, height // 2, 2, width // 2, 2).sum(axis=(2, 4)))
