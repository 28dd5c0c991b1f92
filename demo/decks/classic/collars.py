"""Collars of the classic court cards, with the origin in the middle of the neck line."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush
from ..drawing.curves import curve, ellipse, flipped, symmetric
from ..drawing.fabrics import ermine
from .colours import BLACK, GOLD, RED, SKIN, WHITE

Collar = Callable[[Brush], None]


def ruff(brush: Brush) -> None:
    for x, y in ((-11, 0), (11, 0), (-7.5, 3), (7.5, 3), (-3.7, 5), (3.7, 5), (0, 5.6)):
        brush.shape(ellipse(x, y, 3.6), WHITE)
    brush.fill(ellipse(0, 0, 10, 4.5), WHITE)


def ermine_cape(brush: Brush) -> None:
    cape = symmetric(curve([(0, -3), (-8, -2), (-20, 5), (-24, 12), (-12, 14), (0, 17)]))
    brush.cover(cape, ermine(WHITE, BLACK, 6))


def pointed_collar(brush: Brush) -> None:
    wing = [(0, 0), (-9, -4), (-15, 3), (-9, 14), (0, 4)]
    for side in (wing, flipped(wing)):
        brush.shape(side, WHITE)


def chain(brush: Brush) -> None:
    for i in range(9):
        x = (i - 4) * 3.4
        brush.shape(ellipse(x, 14 - x * x * 0.075, 2.1), GOLD)
    brush.shape(ellipse(0, 19, 4), GOLD)
    brush.fill(ellipse(0, 19, 2.2), RED)


def square_neck(brush: Brush) -> None:
    brush.shape([(-9, -2), (9, -2), (8, 10), (-8, 10)], SKIN)
    brush.stroke([(-10, -2), (-8.5, 10.5), (8.5, 10.5), (10, -2)], GOLD, 2.2)
    for x in (-5, -2.5, 0, 2.5, 5):
        brush.shape(ellipse(x, 5 - x * x * 0.1, 1.4), WHITE)
