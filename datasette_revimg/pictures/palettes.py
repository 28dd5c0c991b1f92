"""Colour scales for heat maps: equal steps look equal, in print and to the colour-blind too.

Both are from matplotlib, by Nathaniel Smith and Stéfan van der Walt, CC0, at equal steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Every 16th colour of viridis: from dark blue through green to yellow.
VIRIDIS = (
    "440154",
    "48186a",
    "472d7b",
    "424086",
    "3b528b",
    "33638d",
    "2c728e",
    "26828e",
    "21918c",
    "1fa088",
    "28ae80",
    "3fbc73",
    "5ec962",
    "84d44b",
    "addc30",
    "d8e219",
    "fde725",
)

# Every 32nd colour of inferno: from black through red to pale yellow.
INFERNO = (
    "000004",
    "1f0c48",
    "550f6d",
    "88226a",
    "ba3655",
    "e35933",
    "f98c0a",
    "f9c932",
    "fcffa4",
)


def colours_at(palette: Sequence[str], levels: np.ndarray) -> np.ndarray:
    """Return the colours at levels of any shape (…), float64 (…, 3), each channel 0 to 255.

    Level 0 is the palette's first colour, 1 its last; between its colours lie straight lines.
    """
    colours = np.array([list(bytes.fromhex(colour)) for colour in palette])
    places = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(levels, places, channel) for channel in colours.T], axis=-1)


def steps(palette: Sequence[str]) -> np.ndarray:
    """Return the palette in 256 colours at equal steps, uint8 (256, 3)."""
    return np.round(colours_at(palette, np.linspace(0, 1, 256))).astype(np.uint8)
