"""Sprite sheets: many thumbnails in one picture, so that a map needs few requests."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from .cost import webp_bytes

# Pixels: a size that phones decode and draw without trouble.
SHEET_SIDE = 1024

# The two sides of a cell, and the largest number of pictures that get the larger one.
LARGE_CELL, SMALL_CELL = 64, 32
MOST_LARGE = 2500

# What decoding a thumbnail may take; one of 320 × 320 pixels takes a quarter of that.
MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Grid:
    """The places of the sprites of ``count`` pictures on their sheets.

    They lie row by row in squares of ``cell`` pixels, each in the top left corner of its square.
    """

    count: int

    @property
    def cell(self) -> int:
        """Return the side of a square in pixels."""
        return LARGE_CELL if self.count <= MOST_LARGE else SMALL_CELL

    @property
    def per_sheet(self) -> int:
        """Return how many squares a sheet has."""
        return (SHEET_SIDE // self.cell) ** 2

    @property
    def sheets(self) -> int:
        """Return how many sheets the pictures need."""
        return -(-self.count // self.per_sheet)


def fitted_size(size: tuple[int, int] | None, cell: int) -> tuple[int, int]:
    """Return width and height of the sprite of a picture of ``size``, whole within its square.

    All in pixels; the sprite of a picture whose size is unknown fills the square.
    """
    if size is None or min(size) < 1:
        return cell, cell
    scale = cell / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def draw_sheet(
    thumbnails: Sequence[bytes | None], sizes: Sequence[tuple[int, int] | None], cell: int
) -> bytes:
    """Return a sheet as WebP, made of thumbnails and the (width, height) of their pictures.

    A square without a thumbnail stays grey, and one with bytes that are none: what a database
    calls a thumbnail need not have been made here.
    """
    across = SHEET_SIDE // cell
    height = cell * -(-len(thumbnails) // across)
    whole = Image.new("RGB", (SHEET_SIDE, height), (128, 128, 128))
    for index, (thumbnail, size) in enumerate(zip(thumbnails, sizes, strict=True)):
        picture = _decoded(thumbnail) if thumbnail else None
        if picture is None:
            continue
        small = picture.resize(fitted_size(size, cell), Image.Resampling.BOX, reducing_gap=None)
        whole.paste(small, (index % across * cell, index // across * cell))
    buffer = io.BytesIO()
    whole.save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()


def _decoded(thumbnail: bytes) -> Image.Image | None:
    """Return a thumbnail as RGB, None for bytes that are no WebP or too large for one."""
    if not 0 < webp_bytes(thumbnail) <= MAX_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(thumbnail), formats=["WEBP"]) as picture:
            return picture.convert("RGB")
    except (OSError, ValueError):
        return None
