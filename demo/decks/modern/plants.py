"""Flowers and a leaf for the hands of the modern court cards."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import arc, curve, ellipse, flipped
from .colours import BRICK, MUSTARD, ORANGE, PETROL, PLUM, SAGE, TEAL
from .weapons import pole


def daisy(brush: Brush) -> None:
    pole(brush, -24, TEAL)
    brush.fill([*arc(0, -14, 6, 6, 0, 90), (0, -14)], TEAL)
    for turn in range(0, 360, 60):
        brush.moved(0, -28, angle=turn).fill(ellipse(0, -4.4, 2.7, 3.5), PLUM)
    brush.fill(ellipse(0, -28, 2.8), MUSTARD)


def tulip(brush: Brush) -> None:
    pole(brush, -22, TEAL)
    brush.fill([(0, -4), (-6.5, -15), (0, -10)], PETROL)
    brush.fill([(0, -4), (6.5, -15), (0, -10)], TEAL)
    brush.fill([(-6, -35), (-3, -31), (0, -35), (0, -21), *arc(0, -26, 6, 5, 90, 180)], BRICK)
    brush.fill([(6, -35), (3, -31), (0, -35), (0, -21), *arc(0, -26, 6, 5, 90, 0)], ORANGE)


def leaf(brush: Brush) -> None:
    half = curve([(0, -37), (-6, -29), (-7, -20), (0, -9)])
    pole(brush, -20, PETROL)
    brush.fill(half, TEAL)
    brush.fill(flipped(half), PETROL)
    for y in (-16, -22, -28):
        brush.stroke([(-4, y - 4), (0, y)], SAGE, 0.7)
