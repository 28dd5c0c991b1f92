"""The rank in the corner of a classic card."""

from __future__ import annotations

from ..drawing.brush import Brush, Colour
from ..drawing.cards import label
from .glyphs import GLYPHS

GLYPH_WIDTH = 0.6


def draw_index(brush: Brush, rank: str, colour: Colour, height: float) -> None:
    """Draw the rank in serif letters, centred on the origin."""
    text = label(rank)
    squeeze = 0.82 if len(text) > 1 else 1
    advance = (GLYPH_WIDTH + 0.1) * height * squeeze
    left = -(advance * (len(text) - 1) + GLYPH_WIDTH * height * squeeze) / 2
    for place, letter in enumerate(text):
        for stroke in GLYPHS[letter]:
            points = [
                (left + place * advance + x * height * squeeze, (y - 0.5) * height)
                for x, y in stroke.points
            ]
            brush.stroke(points, colour, stroke.width * height)
