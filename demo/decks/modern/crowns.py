"""Crowns of the modern kings; they sit on the line y = -0.75."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush
from ..drawing.curves import arc, box, ellipse
from .colours import BRICK, MUSTARD, NIGHT, OCHRE, ORANGE, TEAL

Headdress = Callable[[Brush], None]


def zigzag_crown(brush: Brush) -> None:
    brush.fill(
        [
            (-0.9, -0.75),
            (-1.1, -1.85),
            (-0.5, -1.3),
            (0, -2.0),
            (0.5, -1.3),
            (1.1, -1.85),
            (0.9, -0.75),
        ],
        MUSTARD,
    )
    brush.fill([(0, -0.75), (0, -2.0), (0.5, -1.3), (1.1, -1.85), (0.9, -0.75)], OCHRE)
    brush.fill([(0, -1.35), (0.2, -1.08), (0, -0.82), (-0.2, -1.08)], BRICK)


def tower_crown(brush: Brush) -> None:
    for x in (-0.9, -0.25, 0.4):
        brush.fill(box(x, -1.9, x + 0.5, -0.75), MUSTARD)
    brush.fill(box(-0.9, -1.4, 0.9, -0.75), MUSTARD)
    brush.fill(box(-0.9, -1.06, 0.9, -0.75), TEAL)


def arch_crown(brush: Brush) -> None:
    for x, tint in ((-0.6, MUSTARD), (0.6, OCHRE), (0, BRICK)):
        brush.fill(
            [*arc(x, -1.25, 0.42, 0.62, 180, 360), (x + 0.42, -0.75), (x - 0.42, -0.75)], tint
        )
    brush.fill(box(-1.02, -1.02, 1.02, -0.75), NIGHT)
    for x in (-0.6, 0, 0.6):
        brush.fill(ellipse(x, -0.885, 0.11), MUSTARD)


def sun_crown(brush: Brush) -> None:
    for turn in (-72, -48, -24, 0, 24, 48, 72):
        ray = brush.moved(0, -0.72, angle=turn)
        ray.fill([(-0.24, -0.6), (0, -1.36), (0.24, -0.6)], ORANGE if turn % 48 else MUSTARD)
    brush.fill(arc(0, -0.72, 0.92, 0.72, 180, 360), MUSTARD)
    brush.fill(arc(0, -0.72, 0.55, 0.42, 180, 360), BRICK)
