"""Flowers and a leaf for the hands of the classic court cards."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import curve, ellipse, flipped, symmetric
from .colours import GOLD, GREEN, RED


def rose(brush: Brush) -> None:
    _stem(brush, -24)
    bloom = brush.moved(0, -32)
    for turn in range(5):
        bloom.moved(0, 0, angle=72 * turn).shape(ellipse(0, -6.5, 5.6, 5.2), RED)
    bloom.shape(ellipse(0, 0, 4), GOLD)


def tulip(brush: Brush) -> None:
    _stem(brush, -24)
    cup = brush.moved(0, -24)
    cup.shape(
        [
            *curve([(0, 2), (-9, -3), (-9, -18)]),
            (-4, -11),
            (0, -20),
            (4, -11),
            *curve([(9, -18), (9, -3), (0, 2)]),
        ],
        GOLD,
    )
    cup.fill([*curve([(0, 1), (-3.5, -5), (0, -16)]), *curve([(0, -16), (3.5, -5), (0, 1)])], RED)


def _stem(brush: Brush, top: float) -> None:
    brush.stroke(curve([(1, 14), (-1, -8), (0, top)]), brush.ink, 3)
    brush.stroke(curve([(1, 14), (-1, -8), (0, top)]), GREEN, 1.7)
    leaf = [*curve([(0, -8), (-5, -16), (-12, -17)]), *curve([(-12, -17), (-8, -8), (0, -8)])]
    brush.shape(leaf, GREEN)
    brush.moved(0, -1).shape(flipped(leaf), GREEN)


def leaf(brush: Brush) -> None:
    brush.stroke([(0, 14), (0, -8)], brush.ink, 3)
    half = [(0, -56), (-4, -48), (-11, -46), (-9, -38), (-14, -30), (-9, -25), (-10, -16), (0, -8)]
    brush.shape(symmetric(curve(half)), GREEN)
    brush.stroke([(0, 14), (0, -50)], GOLD, 1.3)
    for y in (-20, -30, -40):
        brush.stroke([(-7, y - 6), (0, y), (7, y - 6)], GOLD, 1)
