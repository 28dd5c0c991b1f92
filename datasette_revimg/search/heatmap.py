"""Why are two pictures similar? Which cells of their last convolutions make the cosine.

R-MAC's vector v of a picture comes from its maps F, (C, H, W), like this (weights/vgg16.py):

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

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..models.vgg16.rmac import EPSILON, RMAC_LEVELS, rmac_regions

# The side of the overlay's picture; browsers stretch it over the photo.
OVERLAY_SIDE = 224

# Inferno (Nathaniel Smith and Stéfan van der Walt for matplotlib, CC0) at equal steps: lightness
# grows evenly, so that it reads without seeing colours too.
_INFERNO = np.array(
    [
        (0, 0, 4),
        (31, 12, 72),
        (85, 15, 109),
        (136, 34, 106),
        (186, 54, 85),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ],
    np.float32,
)

# How much of the photo the overlay hides, where there is no heat and where there is most: what
# doesn't count steps back, what does stays to be seen.
_OPACITY = (0.72, 0.38)


def pooled(features: np.ndarray) -> np.ndarray:
    """R-MAC's unit vector float64 (C,) of a picture's maps (C, H, W)."""
    roots = np.sqrt(_gifts(features).sum(axis=(1, 2)))
    return np.asarray(roots / max(float(np.linalg.norm(roots)), EPSILON))


def agreement(features: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What each cell of a picture's maps (C, H, W) gives to its cosine with ``other``, (C,).

    ``other`` is another picture's ``pooled``. Returns float32 (H, W), from 0 to 1; its sum is the
    cosine.
    """
    gifts = _gifts(features)
    totals = gifts.sum(axis=(1, 2))
    roots = np.sqrt(totals)
    vector = roots / max(float(np.linalg.norm(roots)), EPSILON)
    return np.tensordot(vector * other / np.maximum(totals, EPSILON), gifts, 1).astype(np.float32)


def overlay(heat: np.ndarray, hottest: float) -> bytes:
    """A WebP with alpha to lay over the picture: dark where there is no heat, clear and bright at
    ``hottest``, which two maps that are to be compared share.
    """
    scaled = np.clip(heat / max(hottest, EPSILON), 0, 1).astype(np.float32)
    side = (OVERLAY_SIDE, OVERLAY_SIDE)
    smooth = Image.fromarray(scaled).resize(side, Image.Resampling.BICUBIC)
    levels = np.clip(np.asarray(smooth), 0, 1)
    steps = np.linspace(0, 1, len(_INFERNO))
    pixels = np.empty((*levels.shape, 4), np.float32)
    for channel in range(3):
        pixels[..., channel] = np.interp(levels, steps, _INFERNO[:, channel])
    pixels[..., 3] = 255 * np.interp(levels, (0, 1), _OPACITY)
    buffer = io.BytesIO()
    Image.fromarray(np.round(pixels).astype(np.uint8)).save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def _gifts(features: np.ndarray) -> np.ndarray:
    """What each cell gives to s, float64 (C, H, W): the regions' unit maxima, where they are."""
    maps = np.asarray(features, np.float64)
    gifts = np.zeros_like(maps)
    for rows, columns in _regions(maps.shape[1]):
        region = maps[:, rows, columns]
        maxima = region.max(axis=(1, 2))
        unit = maxima / max(float(np.linalg.norm(maxima)), EPSILON)
        cells = region == maxima[:, None, None]
        share = unit / cells.sum(axis=(1, 2))
        gifts[:, rows, columns] += cells * share[:, None, None]
    return gifts


def _regions(side: int) -> Iterator[tuple[slice, slice]]:
    for level in range(1, RMAC_LEVELS + 1):
        region, stride = rmac_regions(side, level)
        starts = range(0, side - region + 1, stride)
        for top in starts:
            for left in starts:
                yield slice(top, top + region), slice(left, left + region)
