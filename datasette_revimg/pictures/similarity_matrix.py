"""The picture of a similarity matrix: a heat map with a legend and a caption."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .palettes import VIRIDIS, steps

# All in pixels. The cells are as large as keep the matrix within _SIDE.
MARGIN = 24
_SIDE = 1200
_LARGEST_CELL = 48
_LEAST_WIDTH = 520
_TEXT_SIZE = 15


def cell_side(count: int) -> int:
    """Return the pixels of a cell's side in the picture of a matrix of ``count`` rows."""
    return max(1, min(_LARGEST_CELL, _SIDE // max(1, count)))


def draw_matrix(
    cosines: np.ndarray, low: float, high: float, caption: str, kind: str = "PNG"
) -> bytes:
    """Return the matrix (n, n) as a picture of this kind, Pillow's name of a format.

    The palette's first colour stands for a cosine of ``low`` or less, its last for ``high`` or
    more. The cell of row 0 and column 0 begins MARGIN pixels from the top and the left; all cells
    are squares of cell_side(n) pixels. WebP is written without loss.
    """
    side = len(cosines) * cell_side(len(cosines))
    cells = Image.fromarray(_coloured(cosines, low, high))
    legend = side + 2 * MARGIN
    image = Image.new(
        "RGB", (max(side, _LEAST_WIDTH) + 2 * MARGIN, legend + 5 * _TEXT_SIZE), "white"
    )
    image.paste(cells.resize((side, side), Image.Resampling.NEAREST), (MARGIN, MARGIN))
    _draw_legend(image, legend, low, high)
    _write(image, (MARGIN, legend + 2 * _TEXT_SIZE), caption)
    buffer = io.BytesIO()
    image.save(buffer, kind, lossless=True)
    return buffer.getvalue()


def _coloured(cosines: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return a colour for every cosine, uint8 (n, n, 3)."""
    levels = np.clip((cosines - low) / (high - low), 0, 1)
    return np.asarray(steps(VIRIDIS)[np.round(levels * 255).astype(np.uint8)])


def _draw_legend(image: Image.Image, top: int, low: float, high: float) -> None:
    """Draw the colours between the cosines that the first and the last of them stand for."""
    left = _write(image, (MARGIN, top), f"cosine  {low:.2f} or less") + 8
    colours = Image.fromarray(np.repeat(steps(VIRIDIS)[np.newaxis], _TEXT_SIZE, axis=0))
    image.paste(colours, (left, top + 2))
    _write(image, (left + colours.width + 8, top), f"{high:.2f} or more")


def _write(image: Image.Image, place: tuple[int, int], text: str) -> int:
    """Write a line of text at its left upper corner; return where it ends."""
    font = ImageFont.load_default(_TEXT_SIZE)
    draw = ImageDraw.Draw(image)
    draw.text(place, text, "black", font)
    return place[0] + round(draw.textlength(text, font))
