"""The suit signs of the classic deck, with the swelling curves of engraved cards.

A pip lies in a box of side 1 around the origin.
"""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import Points, curve, ellipse, symmetric
from .colours import SUIT_COLOURS


def _heart() -> list[Points]:
    lobe = [(0, -0.27), (-0.11, -0.42), (-0.27, -0.47), (-0.43, -0.38), (-0.47, -0.17)]
    return [symmetric(curve([*lobe, (-0.36, 0.07), (-0.17, 0.27), (0, 0.5)]))]


def _diamond() -> list[Points]:
    side = curve([(0, -0.52), (-0.18, -0.23), (-0.41, 0)])
    return [[*symmetric(side), *((x, -y) for x, y in symmetric(side)[::-1])]]


def _flared_stem(top: float, foot: float) -> Points:
    return symmetric([*curve([(-0.03, top), (-0.06, 0.28), (-foot, 0.5)]), (0, 0.5)])


def _spade() -> list[Points]:
    blade = [(0, -0.52), (-0.15, -0.27), (-0.37, -0.04), (-0.46, 0.15), (-0.38, 0.31)]
    return [
        symmetric(curve([*blade, (-0.22, 0.32), (0, 0.13)])),
        _flared_stem(0, 0.2),
    ]


def _club() -> list[Points]:
    return [
        ellipse(0, -0.28, 0.225),
        ellipse(-0.265, 0.1, 0.225),
        ellipse(0.265, 0.1, 0.225),
        symmetric([(0, -0.2), (-0.12, -0.05), (-0.2, 0.12), (0, 0.12)]),
        _flared_stem(0, 0.2),
    ]


SHAPES = {
    "clubs": _club(),
    "diamonds": _diamond(),
    "hearts": _heart(),
    "spades": _spade(),
}


def draw_pip(brush: Brush, suit: str) -> None:
    """Draw a suit sign in the box of side 1 around the origin."""
    for shape in SHAPES[suit]:
        brush.fill(shape, SUIT_COLOURS[suit])
