"""The colour that shows through transparent pixels: white, or black behind a light picture.

A white picture on white is blank, and all blank pictures are alike. Of all greys, either white or
black is the furthest from a picture's pixels on average. White is kept while that distance is at
least a quarter of the range, because pages and other files show such pictures on white, and their
copies should stay similar; a lighter picture is at least three quarters away from black.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

# The rule's name, a part of every vector's identity: under another rule, a transparent picture has
# other pixels and so another vector.
RULE = "background=white-or-black"

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def choose_background(parts: Iterable[Image.Image]) -> tuple[int, int, int]:
    """Return WHITE or BLACK for a picture given as images that can be converted to RGBA.

    BLACK if the mean luma (ITU-R BT.601, 0 to 255) of its pixels, each weighted by its alpha, is
    more than three quarters of the range. A picture without a visible pixel gets WHITE.
    """
    luma, alpha = 0, 0
    for part in parts:
        rgba = part.convert("RGBA")
        weights = np.asarray(rgba.getchannel("A"), np.int64)
        # Of whole numbers, so that parts of any size give the same sum.
        luma += int(np.vdot(np.asarray(rgba.convert("RGB").convert("L"), np.int64), weights))
        alpha += int(weights.sum())
    return BLACK if 4 * luma > 3 * 255 * alpha else WHITE
