"""The least size that a picture is decoded to: large ones needn't be decoded whole.

JPEG decoders scale down by 2, 4 or 8 for little time. Other pictures are averaged block by block,
which comes to the same. What is left is resized to what the network takes, and to the thumbnail.
"""

from __future__ import annotations

import math

from PIL import Image

from .region import SIDE as WHOLE
from .region import Crop
from .sizing import Size, fitted

# How many times larger than what it is resized to a picture stays, at least, along each side.
# The vectors then differ less from those of whole pictures than by another JPEG quality; see
# tests/benchmarks/decoding.py.
MARGIN = 1.5

# Pixels of a thumbnail's longest side.
THUMBNAIL_SIDE = 320


def least_size(
    picture: tuple[int, int], size: Size, crop: Crop | None = None, scale: int = 1
) -> tuple[int, int]:
    """Return the (width, height) that a picture of ``picture`` (width, height) needs at least.

    ``size`` is the (height, width) in pixels that the network takes, of the whole picture or of
    the part ``crop``, None if it takes any; ``scale`` times as many pixels along each side are
    wanted. The aspect is that of the picture, and it is never larger than that.
    """
    width, height = picture
    across, down = (crop.width / WHOLE, crop.height / WHOLE) if crop else (1, 1)
    part_width, part_height = width * across, height * down
    taken_height, taken_width = size or fitted(part_width, part_height)
    factor = min(
        part_width / (MARGIN * taken_width * scale),
        part_height / (MARGIN * taken_height * scale),
        max(width, height) / (MARGIN * THUMBNAIL_SIDE),
    )
    return math.ceil(width / max(factor, 1)), math.ceil(height / max(factor, 1))


def reduced(image: Image.Image, least: tuple[int, int]) -> Image.Image:
    """Return the RGB image with blocks of pixels averaged, no smaller than ``least``."""
    factor = min(image.width // least[0], image.height // least[1])
    return image.reduce(factor) if factor > 1 else image
