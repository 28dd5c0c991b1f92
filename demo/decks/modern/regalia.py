"""Regalia and instruments in the hands of the modern court cards."""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import arc, box, ellipse
from .colours import BRICK, CREAM, MUSTARD, NIGHT, OCHRE, PETROL, PLUM, ROSE, SAGE, TEAL
from .weapons import pole


def sceptre(brush: Brush) -> None:
    pole(brush, -28, OCHRE)
    brush.fill(ellipse(0, -31, 5.6), MUSTARD)
    brush.fill(arc(0, -31, 5.6, 5.6, -90, 90), OCHRE)
    brush.fill(ellipse(0, -31, 2.4), BRICK)


def orb(brush: Brush) -> None:
    brush.fill(box(-1.1, -28, 1.1, -17), OCHRE)
    brush.fill(box(-3.6, -25.8, 3.6, -23.6), OCHRE)
    brush.fill(ellipse(0, -13, 7), TEAL)
    brush.fill(arc(0, -13, 7, 7, -90, 90), PETROL)
    brush.fill(box(-6.9, -14.2, 6.9, -11.8), MUSTARD)


def mirror(brush: Brush) -> None:
    pole(brush, -20, OCHRE)
    brush.fill(ellipse(0, -27, 7.2, 8.6), MUSTARD)
    brush.fill(ellipse(0, -27, 5, 6.4), CREAM)
    brush.fill(arc(0, -27, 5, 6.4, -60, 120), SAGE)


def fan(brush: Brush) -> None:
    for i, turn in enumerate((-50, -30, -10, 10, 30)):
        brush.moved(0, -10, angle=turn).fill(
            [(0, 0), (-3.4, -17.5), (0, -20.5), (3.4, -17.5)], ROSE if i % 2 else PLUM
        )
    brush.fill([*arc(0, -10, 6, 6, 210, 310), (0, -10)], MUSTARD)
    pole(brush, -10, OCHRE)


def flute(brush: Brush) -> None:
    slanted = brush.moved(0, -2, angle=-14)
    slanted.fill(box(-1.7, -35, 1.7, 0), OCHRE)
    slanted.fill(box(0, -35, 1.7, 0), MUSTARD)
    slanted.fill([(-4.4, -38), (4.4, -38), (1.7, -31), (-1.7, -31)], MUSTARD)
    for y in (-11, -16, -21):
        slanted.fill(ellipse(-0.2, y, 1), NIGHT)
