"""Hats of the classic jacks; they sit on the line y = -0.7."""

from __future__ import annotations

from ..drawing.brush import Brush, Colour
from ..drawing.curves import box, curve, ellipse
from .colours import BLACK, BLUE, GOLD, RED, WHITE
from .crowns import band


def _feather(brush: Brush, tint: Colour) -> None:
    plume = [
        *curve([(0, 0), (-0.3, -0.5), (-0.25, -1.0), (0.2, -1.25)]),
        *curve([(0.2, -1.25), (0.25, -0.7), (0, 0)]),
    ]
    brush.shape(plume, tint)
    brush.stroke(curve([(0, 0), (-0.06, -0.55), (0.1, -1.0)]), brush.ink, 0.5)


def beret(brush: Brush) -> None:
    _feather(brush.moved(-0.55, -1.0, 0.85, angle=-28), WHITE)
    top = [(-0.9, -0.75), (-1.25, -1.05), (-0.8, -1.45), (0.2, -1.5), (0.95, -1.15), (0.85, -0.75)]
    brush.shape(curve([*top, (0, -0.65)], closed=True), RED)
    brush.stroke(curve([(-1.0, -0.92), (-0.2, -1.12), (0.7, -1.0)]), brush.ink, 0.6)
    band(brush, GOLD, 0.16)


def flat_cap(brush: Brush) -> None:
    brush.shape(box(-1.15, -1.45, 1.15, -1.05), BLUE)
    for x in (-0.9, -0.54, -0.18, 0.18, 0.54, 0.9):
        brush.shape(box(x - 0.1, -1.45, x + 0.1, -1.05), GOLD)
    brush.shape([(-1.0, -1.05), (1.0, -1.05), (0.86, -0.66), (-0.86, -0.66)], BLUE)
    brush.stroke([(-0.9, -0.82), (0.9, -0.82)], GOLD, 1)


def brimmed_hat(brush: Brush) -> None:
    _feather(brush.moved(-0.55, -1.05, 0.85, angle=-42), RED)
    brush.shape(
        curve([(-0.7, -0.85), (-0.62, -1.55), (0, -1.75), (0.62, -1.55), (0.7, -0.85)]), BLACK
    )
    brush.shape(curve([(-0.7, -0.85), (-0.68, -1.1), (0.68, -1.1), (0.7, -0.85)]), GOLD)
    brush.shape(
        curve(
            [
                (-1.2, -0.95),
                (-0.6, -0.75),
                (0, -0.68),
                (0.6, -0.75),
                (1.2, -0.95),
                (0.6, -0.95),
                (0, -0.9),
                (-0.6, -0.95),
            ],
            closed=True,
        ),
        BLACK,
    )


def stocking_cap(brush: Brush) -> None:
    tail = [(-0.85, -0.75), (-0.7, -1.5), (0.1, -1.7), (0.85, -1.3), (0.85, -0.75)]
    brush.shape(curve(tail), GOLD)
    brush.shape(
        curve(
            [
                (-0.75, -1.2),
                (-0.95, -0.6),
                (-1.45, -0.15),
                (-1.3, -0.95),
                (-0.8, -1.55),
                (-0.2, -1.66),
            ],
            closed=True,
        ),
        GOLD,
    )
    brush.shape(ellipse(-1.4, -0.1, 0.2), RED)
    for x in (-0.3, 0.25):
        brush.stroke(curve([(x, -0.85), (x * 0.9, -1.3), (x * 0.6 - 0.1, -1.6)]), RED, 1.5)
    band(brush, RED, 0.24)
