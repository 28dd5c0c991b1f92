"""Regalia and instruments in the hands of the classic court cards."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import arc, box, curve, ellipse
from .colours import BLUE, GLASS, GOLD, RED, WHITE
from .weapons import shaft


def sceptre(brush: Brush) -> None:
    shaft(brush, -38, GOLD, 3.2)
    for side in (1, -1):
        petal = [(0, -38), (4, -40), (9, -46), (7, -52), (3, -46)]
        brush.shape([(side * x, y) for x, y in curve(petal, closed=True)], GOLD)
    brush.shape(
        [*curve([(-3, -38), (-4, -47), (0, -58)]), *curve([(0, -58), (4, -47), (3, -38)])], GOLD
    )
    brush.shape(box(-5, -39.5, 5, -36.5), RED)
    brush.shape(ellipse(0, -25, 3), BLUE)


def orb(brush: Brush) -> None:
    ball = brush.moved(0, -14)
    ball.shape(box(-1.4, -22, 1.4, -8), GOLD)
    ball.shape(box(-5, -18.5, 5, -15.5), GOLD)
    ball.shape(ellipse(0, 0, 11), BLUE)
    ball.shape(curve([(-11, -2.2), (0, 0.5), (11, -2.2), (11, 2), (0, 4.8), (-11, 2)]), GOLD)
    ball.shape([(-1.8, -11), (1.8, -11), (1.8, 1), (-1.8, 1)], GOLD)
    ball.fill(ellipse(-5, -6, 1.8), WHITE)


def mirror(brush: Brush) -> None:
    brush.shape(box(-1.7, -22, 1.7, 14), GOLD)
    glass = brush.moved(0, -34)
    glass.shape(ellipse(0, 0, 12, 14), GOLD)
    glass.shape(ellipse(0, 0, 8.8, 10.8), GLASS)
    glass.fill([(-5, 4), (1, -9), (4.5, -7.5), (-2, 7.5)], WHITE)
    glass.shape(ellipse(0, -15, 2.5), RED)


def trumpet(brush: Brush) -> None:
    brush.shape([(-1.6, 16), (-1.6, -36), (1.6, -36), (1.6, 16)], GOLD)
    brush.shape(
        [
            *curve([(-1.6, -30), (-3, -42), (-10, -54)]),
            *curve([(-10, -54), (0, -51), (10, -54)]),
            *curve([(10, -54), (3, -42), (1.6, -30)]),
        ],
        GOLD,
    )
    brush.shape([(1.6, -26), (17, -26), (13, -18), (17, -10), (1.6, -10)], RED)
    brush.fill(arc(8, -18, 4, 4, 0, 360), GOLD)
