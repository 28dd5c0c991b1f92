"""Weapons of the modern court cards.

Weapons, regalia and plants have their origin at the lower end of the handle and rise from there; a
unit is a pixel of the card.
"""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import arc, box
from .colours import BRICK, LILAC, MUSTARD, NIGHT, OCHRE, PETROL, SAGE, TEAL

Attribute = Callable[[Brush], None]


def pole(brush: Brush, top: float, tint: Colour) -> None:
    """Draw a handle from the given height down to the origin."""
    brush.fill(box(-1, top, 1, 0), tint)


def sword(brush: Brush) -> None:
    brush.fill([(-2.3, -9), (-2.3, -33), (0, -38), (0, -9)], LILAC)
    brush.fill([(2.3, -9), (2.3, -33), (0, -38), (0, -9)], PETROL)
    brush.fill(box(-5.5, -10.5, 5.5, -8), MUSTARD)
    brush.fill(box(-1.1, -8, 1.1, 0), OCHRE)


def axe(brush: Brush) -> None:
    pole(brush, -36, OCHRE)
    brush.fill([*arc(-1, -29, 8, 8, 90, 270)], PETROL)
    brush.fill([*arc(-1, -29, 8, 8, 180, 270), (-1, -29)], TEAL)
    brush.fill([(1, -33), (5, -29), (1, -25)], PETROL)


def halberd(brush: Brush) -> None:
    pole(brush, -30, BRICK)
    brush.fill([(-2.6, -28), (0, -39), (0, -28)], SAGE)
    brush.fill([(2.6, -28), (0, -39), (0, -28)], PETROL)
    brush.fill([(-1, -28), (-7, -31), (-7, -20), (-1, -22)], PETROL)
    brush.fill([(1, -27), (6, -24.5), (1, -22)], SAGE)


def bow(brush: Brush) -> None:
    brush.stroke(arc(-6, -19, 9, 18, -85, 85), BRICK, 2.4)
    brush.stroke([(-5, -37), (-5, -1)], NIGHT, 0.7)
    brush.stroke([(-10, -19), (6, -22)], NIGHT, 1.2)
    brush.fill([(9, -22.5), (4, -24.5), (5, -19)], NIGHT)
