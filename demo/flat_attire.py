"""Clothes and attributes of the flat court cards.

Units are pixels of the card. Collars have their origin at the base of the neck; an attribute has
it at the lower end of its handle and rises from there.
"""

from __future__ import annotations

from collections.abc import Callable

from brush import Brush, Colour, arc, box, curve, ellipse, flipped
from colours import (
    BRICK,
    CREAM,
    LILAC,
    MUSTARD,
    NIGHT,
    OCHRE,
    ORANGE,
    PETROL,
    PLUM,
    ROSE,
    SAGE,
    TEAL,
)

Attribute = Callable[[Brush], None]
Collar = Callable[[Brush, Colour], None]


def vee(brush: Brush, tint: Colour) -> None:
    brush.fill([(-7, -2), (-10, 0), (0, 13), (10, 0), (7, -2), (0, 7)], tint)


def disc_collar(brush: Brush, tint: Colour) -> None:
    brush.fill(arc(0, -1, 10.5, 8.5, 0, 180), tint)
    brush.fill(arc(0, -1, 6, 4.5, 0, 180), CREAM)


def spiked_ruff(brush: Brush, tint: Colour) -> None:
    for turn in (-80, -48, -16, 16, 48, 80):
        brush.moved(0, -3, angle=turn).fill([(-3.4, 3), (0, 12), (3.4, 3)], tint)
    brush.fill(ellipse(0, -1, 6, 4), tint)


def lapels(brush: Brush, tint: Colour) -> None:
    wing = [(-4, -3), (-13, 2), (-9, 8), (-3, 14), (0, 3)]
    brush.fill(wing, tint)
    brush.fill(flipped(wing), tint)


def bands(brush: Brush, tint: Colour) -> None:
    for radius, colour in ((11, tint), (8.4, CREAM), (5.8, tint)):
        brush.fill(arc(0, -2, radius, radius, 0, 180), colour)


def _pole(brush: Brush, top: float, tint: Colour) -> None:
    brush.fill(box(-1, top, 1, 0), tint)


def sword(brush: Brush) -> None:
    brush.fill([(-2.3, -9), (-2.3, -33), (0, -38), (0, -9)], LILAC)
    brush.fill([(2.3, -9), (2.3, -33), (0, -38), (0, -9)], PETROL)
    brush.fill(box(-5.5, -10.5, 5.5, -8), MUSTARD)
    brush.fill(box(-1.1, -8, 1.1, 0), OCHRE)


def axe(brush: Brush) -> None:
    _pole(brush, -36, OCHRE)
    brush.fill([*arc(-1, -29, 8, 8, 90, 270)], PETROL)
    brush.fill([*arc(-1, -29, 8, 8, 180, 270), (-1, -29)], TEAL)
    brush.fill([(1, -33), (5, -29), (1, -25)], PETROL)


def halberd(brush: Brush) -> None:
    _pole(brush, -30, BRICK)
    brush.fill([(-2.6, -28), (0, -39), (0, -28)], SAGE)
    brush.fill([(2.6, -28), (0, -39), (0, -28)], PETROL)
    brush.fill([(-1, -28), (-7, -31), (-7, -20), (-1, -22)], PETROL)
    brush.fill([(1, -27), (6, -24.5), (1, -22)], SAGE)


def sceptre(brush: Brush) -> None:
    _pole(brush, -28, OCHRE)
    brush.fill(ellipse(0, -31, 5.6), MUSTARD)
    brush.fill(arc(0, -31, 5.6, 5.6, -90, 90), OCHRE)
    brush.fill(ellipse(0, -31, 2.4), BRICK)


def orb(brush: Brush) -> None:
    brush.fill(box(-1.1, -28, 1.1, -17), OCHRE)
    brush.fill(box(-3.6, -25.8, 3.6, -23.6), OCHRE)
    brush.fill(ellipse(0, -13, 7), TEAL)
    brush.fill(arc(0, -13, 7, 7, -90, 90), PETROL)
    brush.fill(box(-6.9, -14.2, 6.9, -11.8), MUSTARD)


def daisy(brush: Brush) -> None:
    _pole(brush, -24, TEAL)
    brush.fill([*arc(0, -14, 6, 6, 0, 90), (0, -14)], TEAL)
    for turn in range(0, 360, 60):
        brush.moved(0, -28, angle=turn).fill(ellipse(0, -4.4, 2.7, 3.5), PLUM)
    brush.fill(ellipse(0, -28, 2.8), MUSTARD)


def tulip(brush: Brush) -> None:
    _pole(brush, -22, TEAL)
    brush.fill([(0, -4), (-6.5, -15), (0, -10)], PETROL)
    brush.fill([(0, -4), (6.5, -15), (0, -10)], TEAL)
    brush.fill([(-6, -35), (-3, -31), (0, -35), (0, -21), *arc(0, -26, 6, 5, 90, 180)], BRICK)
    brush.fill([(6, -35), (3, -31), (0, -35), (0, -21), *arc(0, -26, 6, 5, 90, 0)], ORANGE)


def mirror(brush: Brush) -> None:
    _pole(brush, -20, OCHRE)
    brush.fill(ellipse(0, -27, 7.2, 8.6), MUSTARD)
    brush.fill(ellipse(0, -27, 5, 6.4), CREAM)
    brush.fill(arc(0, -27, 5, 6.4, -60, 120), SAGE)


def leaf(brush: Brush) -> None:
    half = curve([(0, -37), (-6, -29), (-7, -20), (0, -9)])
    _pole(brush, -20, PETROL)
    brush.fill(half, TEAL)
    brush.fill(flipped(half), PETROL)
    for y in (-16, -22, -28):
        brush.stroke([(-4, y - 4), (0, y)], SAGE, 0.7)


def bow(brush: Brush) -> None:
    brush.stroke(arc(-6, -19, 9, 18, -85, 85), BRICK, 2.4)
    brush.stroke([(-5, -37), (-5, -1)], NIGHT, 0.7)
    brush.stroke([(-10, -19), (6, -22)], NIGHT, 1.2)
    brush.fill([(9, -22.5), (4, -24.5), (5, -19)], NIGHT)


def fan(brush: Brush) -> None:
    for i, turn in enumerate((-50, -30, -10, 10, 30)):
        brush.moved(0, -10, angle=turn).fill(
            [(0, 0), (-3.4, -17.5), (0, -20.5), (3.4, -17.5)], ROSE if i % 2 else PLUM
        )
    brush.fill([*arc(0, -10, 6, 6, 210, 310), (0, -10)], MUSTARD)
    _pole(brush, -10, OCHRE)


def flute(brush: Brush) -> None:
    slanted = brush.moved(0, -2, angle=-14)
    slanted.fill(box(-1.7, -35, 1.7, 0), OCHRE)
    slanted.fill(box(0, -35, 1.7, 0), MUSTARD)
    slanted.fill([(-4.4, -38), (4.4, -38), (1.7, -31), (-1.7, -31)], MUSTARD)
    for y in (-11, -16, -21):
        slanted.fill(ellipse(-0.2, y, 1), NIGHT)
