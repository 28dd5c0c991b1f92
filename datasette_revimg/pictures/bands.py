"""Parts of a large picture, so that a conversion needs little memory beside its result."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

# Pixels of a part: a conversion takes up to 50 bytes for each.
BAND_PIXELS = 1 << 20


def bands(image: Image.Image, pixels: int = BAND_PIXELS) -> Iterator[tuple[int, Image.Image]]:
    """Yield parts as wide as the image, of about ``pixels`` each, from the top.

    Each comes after the number of its first row.
    """
    rows = max(1, pixels // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
