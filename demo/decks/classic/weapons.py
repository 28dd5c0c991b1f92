"""Weapons of the classic court cards.

Weapons, regalia and plants have their origin in the hand and rise from there; a unit is a pixel of
the card.
"""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import box, curve, ellipse, flipped
from .colours import AMBER, GOLD, RED, STEEL, WHITE

Attribute = Callable[[Brush], None]


def shaft(brush: Brush, top: float, tint: Colour, width: float = 3) -> None:
    """Draw a handle from the given height down through the hand."""
    brush.shape(box(-width / 2, top, width / 2, 26), tint)


def sword(brush: Brush) -> None:
    brush.shape([(-2.8, -10), (-2.8, -50), (0, -57), (2.8, -50), (2.8, -10)], STEEL)
    brush.fill([(0, -10), (0, -54), (2.3, -50), (2.3, -10)], WHITE)
    brush.shape(box(-1.8, -8, 1.8, 9), AMBER)
    brush.shape(
        curve([(-10, -9), (0, -10.5), (10, -9), (10, -5.5), (0, -7), (-10, -5.5)], closed=True),
        GOLD,
    )
    brush.shape(ellipse(0, 10.5, 3.4), GOLD)


def axe(brush: Brush) -> None:
    shaft(brush, -54, AMBER)
    blade = [
        *curve([(1.5, -48), (6, -50), (11, -57)]),
        *curve([(11, -57), (15, -43), (11, -29)]),
        *curve([(11, -29), (6, -36), (1.5, -38)]),
    ]
    brush.shape(flipped(blade), STEEL)
    brush.stroke(curve([(-10.5, -55), (-13, -43), (-10.5, -31)]), WHITE, 1.2)
    brush.shape([(1.5, -47), (8, -43), (1.5, -39)], STEEL)


def halberd(brush: Brush) -> None:
    shaft(brush, -46, RED, 2.8)
    brush.shape([(-2.5, -46), (0, -64), (2.5, -46)], STEEL)
    brush.shape(
        [
            *curve([(-1.4, -46), (-6, -48), (-12, -52)]),
            *curve([(-12, -52), (-10, -41), (-13, -32)]),
            (-1.4, -37),
        ],
        STEEL,
    )
    brush.shape([(1.4, -45), (10, -41), (1.4, -37)], STEEL)
    brush.shape([(-3, -32), (3, -32), (4, -25), (-4, -25)], GOLD)


def mace(brush: Brush) -> None:
    shaft(brush, -38, AMBER)
    ball = brush.moved(0, -43)
    for turn in range(0, 360, 45):
        ball.moved(0, 0, angle=turn).shape([(-3, -7), (0, -14), (3, -7)], STEEL)
    ball.shape(ellipse(0, 0, 8.5), STEEL)
    ball.fill(ellipse(-2.5, -2.5, 2.4), WHITE)
    brush.shape(box(-3.5, -31, 3.5, -28), GOLD)


def bow(brush: Brush) -> None:
    limb = curve([(8, -56), (2, -50), (-5, -30), (1, -5), (-5, 20), (2, 34)])
    brush.stroke(limb, brush.ink, 5)
    brush.stroke(limb, AMBER, 3.4)
    brush.stroke([(8, -56), (6, -12), (2, 34)], brush.ink, 0.8)
    brush.stroke([(-20, -13), (9, -5)], brush.ink, 2)
    brush.shape([(-20, -13), (-13, -14.5), (-14.5, -8)], STEEL)
