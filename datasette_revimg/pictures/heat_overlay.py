"""A translucent picture to lay over a photo, that shows which parts of it count."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from .palettes import INFERNO, colours_at

# Pixels of a side; browsers stretch it over the photo.
SIDE = 224

# How much of the photo the overlay hides, where there is no heat and where there is most: what
# doesn't count steps back, what does stays to be seen.
_OPACITY = (0.72, 0.38)

# Keeps 0/0 away, where there is no heat at all.
_EPSILON = 1e-12


def draw_overlay(heat: np.ndarray, hottest: float) -> bytes:
    """Return heat (h, w), not negative, as a WebP of SIDE × SIDE pixels with alpha.

    Dark where there is no heat, clear and bright at ``hottest``, which two pictures that are to be
    compared share.
    """
    scaled = np.clip(heat / max(hottest, _EPSILON), 0, 1).astype(np.float32)
    smooth = Image.fromarray(scaled).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    levels = np.clip(np.asarray(smooth), 0, 1)
    alpha = 255 * np.interp(levels, (0, 1), _OPACITY)
    channels = [colours_at(INFERNO, levels), alpha[..., np.newaxis]]
    pixels = np.concatenate(channels, axis=-1, dtype=np.float32)
    buffer = io.BytesIO()
    Image.fromarray(np.round(pixels).astype(np.uint8)).save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
