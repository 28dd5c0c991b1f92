"""Explain a cosine: how much each cell of two pictures' last convolutions gives to it.

For pictures of which only the last block's maps are known: those of vgg16-fc2 and vgg16-fc1, whose
own vectors come from dense layers, which no cell of a map can be held to account for. Where R-MAC
is the vector, whitened_heatmap explains it. The plain R-MAC vector v of a picture comes from its
maps F, (C, H, W), like this:

    m_R[c] = max of F[c] in region R        s[c] = Σ_R m_R[c] / |m_R|        v = √s / |√s|

Every m_R[c] is the activation of one cell, so that s[c] is a sum over cells, and the cosine of
two pictures, Σ_c v[c]·w[c], can be handed out to the cells of either, with nothing left over:

    heat[i, j] = Σ_c v[c]·w[c] · (what cell i, j gives to s[c]) / s[c]

A cell that is the maximum of no region gives nothing to the vector, and gets nothing, however
active it is; equal maxima share alike. That is the decomposition that Stylianou, Souvenir &
Pless, "Visualizing Deep Similarity Networks", 2019, give for max pooling, carried through R-MAC's
regions. The square root is divided in proportion: it is homogeneous, and this is what gradient
times input, brought to the sum it explains, gives.

Where a cell looks: the receptive field is far larger than its 32×32 pixels, so that heat spreads
around what causes it.
"""

from __future__ import annotations

import numpy as np

from ..models.vgg16 import rmac
from ..models.vgg16.rmac import EPSILON, region_slices


def pool(features: np.ndarray) -> np.ndarray:
    """Return R-MAC's unit vector, float64 (C,), of a picture's maps (C, H, W)."""
    roots = np.sqrt(rmac.pool(np.asarray(features, np.float64)[np.newaxis])[0])
    return np.asarray(roots / max(float(np.linalg.norm(roots)), EPSILON))


def attribute_cosine(features: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how much each cell of a picture's maps (C, H, W) gives to its cosine with another one.

    ``other`` (C,) is the other picture's pooled vector. The result is float32 (H, W), from 0 to 1,
    and its sum is the cosine.
    """
    contributions = region_shares(features)
    totals = contributions.sum(axis=(1, 2))
    roots = np.sqrt(totals)
    vector = roots / max(float(np.linalg.norm(roots)), EPSILON)
    per_channel = vector * other / np.maximum(totals, EPSILON)
    return np.tensordot(per_channel, contributions, 1).astype(np.float32)


def region_shares(features: np.ndarray) -> np.ndarray:
    """Return what each cell gives to s, float64 (C, H, W): the regions' unit maxima, in place."""
    maps = np.asarray(features, np.float64)
    contributions = np.zeros_like(maps)
    for rows, columns in region_slices(*maps.shape[1:]):
        region = maps[:, rows, columns]
        maxima = region.max(axis=(1, 2))
        unit = maxima / max(float(np.linalg.norm(maxima)), EPSILON)
        cells = region == maxima[:, None, None]
        share = unit / cells.sum(axis=(1, 2))
        contributions[:, rows, columns] += cells * share[:, None, None]
    return contributions
