"""Collars of the modern court cards, with the origin at the base of the neck."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import arc, ellipse, flipped
from .colours import CREAM

Collar = Callable[[Brush, Colour], None]


def vee(brush: Brush, tint: Colour) -> None:
    brush.fill([(-7, -2), (-10, 0), (0, 13), (10, 0), (7, -2), (0, 7)], tint)


def disc_collar(brush: Brush, tint: Colour) -> None:
    brush.fill(arc(0, -1, 10.5, 8.5, 0, 180), tint)
    brush.fill(arc(0, -1, 6, 4.5, 0, 180), CREAM)


def spiked_ruff(brush: Brush, tint: Colour) -> None:
    for turn in (-80, -48, -16, 16, 48, 80):
        brush.moved(0, -3, angle=turn).fill([(-3.4, 3), (0, 12), (3.4, 3)], tint)
    brush.fill(ellipse(0, -1, 6, 4), tint)


def lapels(brush: Brush, tint: Colour) -> None:
    wing = [(-4, -3), (-13, 2), (-9, 8), (-3, 14), (0, 3)]
    brush.fill(wing, tint)
    brush.fill(flipped(wing), tint)


def bands(brush: Brush, tint: Colour) -> None:
    for radius, colour in ((11, tint), (8.4, CREAM), (5.8, tint)):
        brush.fill(arc(0, -2, radius, radius, 0, 180), colour)
