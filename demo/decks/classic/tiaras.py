"""Headdresses of the classic queens; they sit on the line y = -0.7."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import curve, ellipse
from .colours import BLUE, GOLD, GREEN, RED, WHITE
from .crowns import band


def coronet(brush: Brush) -> None:
    for x, y in ((-0.72, -1.1), (-0.38, -1.2), (0, -1.25), (0.38, -1.2), (0.72, -1.1)):
        brush.shape([(x - 0.2, -0.8), (x, y - 0.18), (x + 0.2, -0.8)], GOLD)
        brush.shape(ellipse(x, y - 0.16, 0.13), WHITE)
    band(brush, GOLD, 0.22)


def veil(brush: Brush) -> None:
    cloth = curve([(-0.6, -0.6), (-0.3, -1.25), (0.3, -1.35), (0.85, -0.75)])
    brush.shape([*cloth, *curve([(0.7, -0.72), (0, -0.8), (-0.72, -0.45)])], BLUE)
    brush.stroke(curve([(-0.72, -0.45), (0, -0.8), (0.75, -0.7)]), WHITE, 1.6)
    for x in (-0.35, 0.05, 0.45):
        y = -1.22 - 0.08 * (x == 0.05)
        brush.shape(
            [
                (x - 0.18, y + 0.2),
                (x - 0.2, y - 0.25),
                (x, y - 0.05),
                (x + 0.2, y - 0.25),
                (x + 0.18, y + 0.2),
            ],
            GOLD,
        )


def gable(brush: Brush) -> None:
    roof = [(-0.98, 0.15), (-0.98, -0.75), (0, -1.5), (0.98, -0.75), (0.98, 0.15)]
    brush.shape([*roof, (0.72, 0.15), (0.68, -0.5), (0, -1.0), (-0.68, -0.5), (-0.72, 0.15)], RED)
    brush.stroke([(-0.85, 0.1), (-0.83, -0.62), (0, -1.25), (0.83, -0.62), (0.85, 0.1)], GOLD, 1.5)
    brush.shape(curve([(-0.4, -1.25), (-0.5, -1.75), (-0.2, -1.5)]), GOLD)
    brush.shape(curve([(0.4, -1.25), (0.5, -1.75), (0.2, -1.5)]), GOLD)
    brush.shape([(-0.2, -1.35), (0, -1.95), (0.2, -1.35)], GOLD)


def flower_tiara(brush: Brush) -> None:
    band(brush, GREEN, 0.2)
    for x, y, tint in (
        (-0.75, -0.88, RED),
        (-0.4, -1.0, WHITE),
        (0, -1.06, RED),
        (0.4, -1.0, WHITE),
        (0.75, -0.88, RED),
    ):
        for dx, dy in ((-0.13, 0), (0.13, 0), (0, -0.14), (0, 0.14)):
            brush.shape(ellipse(x + dx, y + dy, 0.15), tint)
        brush.fill(ellipse(x, y, 0.12), GOLD)
