"""Headdresses of the modern queens; they sit on the line y = -0.75."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import arc, curve, ellipse
from .colours import BRICK, CREAM, MUSTARD, OCHRE, ROSE, TEAL


def fan_tiara(brush: Brush) -> None:
    for turn, tint in ((-60, TEAL), (-30, MUSTARD), (0, BRICK), (30, MUSTARD), (60, TEAL)):
        brush.moved(0, -0.7, angle=turn).fill(
            curve([(0, 0), (-0.22, -0.55), (0, -0.95), (0.22, -0.55)], closed=True), tint
        )


def pearl_tiara(brush: Brush) -> None:
    brush.fill(
        [(-0.85, -0.72), (0, -1.05), (0.85, -0.72), (0.85, -0.95), (0, -1.3), (-0.85, -0.95)],
        MUSTARD,
    )
    for x, y in ((-0.85, -1.1), (-0.43, -1.3), (0, -1.5), (0.43, -1.3), (0.85, -1.1)):
        brush.fill(ellipse(x, y, 0.19), ROSE)
        brush.fill(arc(x, y, 0.19, 0.19, -90, 90), BRICK)


def peak_tiara(brush: Brush) -> None:
    brush.fill([(-0.95, -0.7), (-0.3, -1.05), (0, -1.75), (0, -0.75)], MUSTARD)
    brush.fill([(0.95, -0.7), (0.3, -1.05), (0, -1.75), (0, -0.75)], OCHRE)
    brush.fill(ellipse(0, -1.02, 0.17), TEAL)


def crescent(brush: Brush) -> None:
    brush.fill([*arc(0, -1.4, 0.9, 0.7, 180, 0), *arc(0, -1.5, 0.62, 0.42, 0, 180)], CREAM)
    brush.fill(ellipse(0, -1.52, 0.26), BRICK)
