"""Hats of the modern jacks; they sit on the line y = -0.75."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import arc, box, curve, ellipse, rounded_box
from .colours import BRICK, MUSTARD, NIGHT, ORANGE, PETROL, PLUM, TEAL


def beret(brush: Brush) -> None:
    brush.moved(-0.15, -0.95, angle=-10).fill(ellipse(0, 0, 1.2, 0.52), BRICK)
    brush.fill(box(-0.82, -0.92, 0.82, -0.72), NIGHT)
    brush.stroke([(-0.1, -1.4), (0.0, -1.75)], NIGHT, 1)


def feathered_cone(brush: Brush) -> None:
    brush.fill([(-0.95, -0.72), (0.95, -0.72), (-0.35, -2.0)], TEAL)
    brush.fill([(0.1, -0.72), (0.95, -0.72), (-0.35, -2.0)], PETROL)
    brush.moved(0.5, -0.8, angle=42).fill(
        curve([(0, 0), (-0.2, -0.6), (0, -1.3), (0.2, -0.6)], closed=True), ORANGE
    )


def skullcap(brush: Brush) -> None:
    brush.fill(arc(0, -0.72, 0.98, 0.92, 180, 360), PLUM)
    brush.fill([(0, -0.72), *arc(0, -0.72, 0.98, 0.92, 270, 360)], NIGHT)
    brush.fill(box(-1.05, -0.95, 1.05, -0.68), MUSTARD)
    brush.fill(ellipse(0, -1.68, 0.22), MUSTARD)


def wide_hat(brush: Brush) -> None:
    brush.fill([*arc(0, -0.95, 0.72, 0.85, 180, 360)], NIGHT)
    brush.fill(box(-0.72, -1.15, 0.72, -0.9), ORANGE)
    brush.fill(rounded_box(-1.35, -0.95, 1.35, -0.7, 0.12), NIGHT)
