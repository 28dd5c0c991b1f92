"""The suit signs of the modern deck, built of circles and straight lines.

A pip lies in a box of side 1 around the origin; it is folded along the middle into a light and a
dark half.
"""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import Points, arc, ellipse, flipped
from .colours import SUIT_COLOURS


def _heart() -> list[Points]:
    return [[*arc(-0.235, -0.2, 0.25, 0.25, -20, -220), (0, 0.47)]]


def _diamond() -> list[Points]:
    return [[(0, -0.5), (-0.37, 0), (0, 0.5)]]


def _spade() -> list[Points]:
    blade = [(0, -0.5), *arc(-0.22, 0.12, 0.24, 0.24, 221, 23)]
    return [blade, [(0, 0.1), (-0.2, 0.5), (0, 0.5)]]


def _club() -> list[Points]:
    return [
        [(0, -0.5), *arc(0, -0.25, 0.24, 0.24, 270, 90), (0, 0)],
        ellipse(-0.25, 0.12, 0.24),
        [(0, -0.15), (-0.22, 0.1), (0, 0.2)],
        [(0, 0.05), (-0.2, 0.5), (0, 0.5)],
    ]


HALVES = {
    "clubs": _club(),
    "diamonds": _diamond(),
    "hearts": _heart(),
    "spades": _spade(),
}


def draw_pip(brush: Brush, suit: str) -> None:
    """Draw a suit sign in the box of side 1 around the origin."""
    light, dark = SUIT_COLOURS[suit]
    for half in HALVES[suit]:
        brush.fill(half, light)
        brush.fill(flipped(half), dark)
