"""Clothes and attributes of the ornate court cards.

Garments are in pixels of the card, with the origin in the middle of the neck line. An attribute
has its origin in the hand that holds it and rises from there; its unit is a pixel as well.
"""

from __future__ import annotations

from collections.abc import Callable

from brush import Brush, Colour, Fabric, arc, box, curve, ellipse, flipped, symmetric
from colours import AMBER, BLACK, BLUE, GLASS, GOLD, GREEN, RED, SKIN, STEEL, WHITE
from fabrics import ermine

Attribute = Callable[[Brush], None]
Collar = Callable[[Brush], None]

MANTLE = [
    *curve([(-5, -2), (-14, 2), (-28, 5.5), (-40, 12), (-48, 34)]),
    *curve([(-46, 70), (-12, 70), (-13, 40), (-10, 15), (-5, -2)]),
]
TUNIC = [(-8, -2), (8, -2), (15, 70), (-15, 70)]


def garment(brush: Brush, mantle: Fabric, tunic: Fabric, trim: Fabric) -> None:
    brush.cover(TUNIC, tunic)
    for side in (MANTLE, flipped(MANTLE)):
        brush.cover(side, mantle)
    hem = [*curve([(-5, -2), (-10, 15), (-13, 40), (-12, 70)]), (-17, 70)]
    hem += curve([(-18, 40), (-15, 15), (-8, 0)])
    for side in (hem, flipped(hem)):
        brush.cover(side, trim)


def arm(brush: Brush, sleeve: Fabric, cuff: Colour) -> None:
    """A forearm that comes in from the right; the hand closes around the origin."""
    brush.cover(
        [*curve([(24, -6), (14, -6), (5, -6)]), (4, 7), *curve([(12, 14), (26, 24)])], sleeve
    )
    brush.shape([(3, -8), (8, -8), (8, 9), (3, 9)], cuff)
    hand = [(4, -5), (-1, -5.5), (-5, -4), (-5.5, 0), (-5, 4.5), (-1, 6), (4, 5)]
    brush.shape(curve(hand, closed=True), SKIN)
    for y in (-1.8, 1.2, 3.8):
        brush.stroke([(-5, y), (-1, y)], brush.ink, 0.5)


# Collars.


def ruff(brush: Brush) -> None:
    for x, y in ((-11, 0), (11, 0), (-7.5, 3), (7.5, 3), (-3.7, 5), (3.7, 5), (0, 5.6)):
        brush.shape(ellipse(x, y, 3.6), WHITE)
    brush.fill(ellipse(0, 0, 10, 4.5), WHITE)


def ermine_cape(brush: Brush) -> None:
    cape = symmetric(curve([(0, -3), (-8, -2), (-20, 5), (-24, 12), (-12, 14), (0, 17)]))
    brush.cover(cape, ermine(WHITE, BLACK, 6))


def pointed_collar(brush: Brush) -> None:
    wing = [(0, 0), (-9, -4), (-15, 3), (-9, 14), (0, 4)]
    for side in (wing, flipped(wing)):
        brush.shape(side, WHITE)


def chain(brush: Brush) -> None:
    for i in range(9):
        x = (i - 4) * 3.4
        brush.shape(ellipse(x, 14 - x * x * 0.075, 2.1), GOLD)
    brush.shape(ellipse(0, 19, 4), GOLD)
    brush.fill(ellipse(0, 19, 2.2), RED)


def square_neck(brush: Brush) -> None:
    brush.shape([(-9, -2), (9, -2), (8, 10), (-8, 10)], SKIN)
    brush.stroke([(-10, -2), (-8.5, 10.5), (8.5, 10.5), (10, -2)], GOLD, 2.2)
    for x in (-5, -2.5, 0, 2.5, 5):
        brush.shape(ellipse(x, 5 - x * x * 0.1, 1.4), WHITE)


# Attributes.


def _shaft(brush: Brush, top: float, tint: Colour, width: float = 3) -> None:
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
    _shaft(brush, -54, AMBER)
    blade = [
        *curve([(1.5, -48), (6, -50), (11, -57)]),
        *curve([(11, -57), (15, -43), (11, -29)]),
        *curve([(11, -29), (6, -36), (1.5, -38)]),
    ]
    brush.shape(flipped(blade), STEEL)
    brush.stroke(curve([(-10.5, -55), (-13, -43), (-10.5, -31)]), WHITE, 1.2)
    brush.shape([(1.5, -47), (8, -43), (1.5, -39)], STEEL)


def halberd(brush: Brush) -> None:
    _shaft(brush, -46, RED, 2.8)
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


def sceptre(brush: Brush) -> None:
    _shaft(brush, -38, GOLD, 3.2)
    for side in (1, -1):
        petal = [(0, -38), (4, -40), (9, -46), (7, -52), (3, -46)]
        brush.shape([(side * x, y) for x, y in curve(petal, closed=True)], GOLD)
    brush.shape(
        [*curve([(-3, -38), (-4, -47), (0, -58)]), *curve([(0, -58), (4, -47), (3, -38)])], GOLD
    )
    brush.shape(box(-5, -39.5, 5, -36.5), RED)
    brush.shape(ellipse(0, -25, 3), BLUE)


def mace(brush: Brush) -> None:
    _shaft(brush, -38, AMBER)
    ball = brush.moved(0, -43)
    for turn in range(0, 360, 45):
        ball.moved(0, 0, angle=turn).shape([(-3, -7), (0, -14), (3, -7)], STEEL)
    ball.shape(ellipse(0, 0, 8.5), STEEL)
    ball.fill(ellipse(-2.5, -2.5, 2.4), WHITE)
    brush.shape(box(-3.5, -31, 3.5, -28), GOLD)


def orb(brush: Brush) -> None:
    ball = brush.moved(0, -14)
    ball.shape(box(-1.4, -22, 1.4, -8), GOLD)
    ball.shape(box(-5, -18.5, 5, -15.5), GOLD)
    ball.shape(ellipse(0, 0, 11), BLUE)
    ball.shape(curve([(-11, -2.2), (0, 0.5), (11, -2.2), (11, 2), (0, 4.8), (-11, 2)]), GOLD)
    ball.shape([(-1.8, -11), (1.8, -11), (1.8, 1), (-1.8, 1)], GOLD)
    ball.fill(ellipse(-5, -6, 1.8), WHITE)


def rose(brush: Brush) -> None:
    _stem(brush, -24)
    bloom = brush.moved(0, -32)
    for turn in range(5):
        bloom.moved(0, 0, angle=72 * turn).shape(ellipse(0, -6.5, 5.6, 5.2), RED)
    bloom.shape(ellipse(0, 0, 4), GOLD)


def tulip(brush: Brush) -> None:
    _stem(brush, -24)
    cup = brush.moved(0, -24)
    cup.shape(
        [
            *curve([(0, 2), (-9, -3), (-9, -18)]),
            (-4, -11),
            (0, -20),
            (4, -11),
            *curve([(9, -18), (9, -3), (0, 2)]),
        ],
        GOLD,
    )
    cup.fill([*curve([(0, 1), (-3.5, -5), (0, -16)]), *curve([(0, -16), (3.5, -5), (0, 1)])], RED)


def _stem(brush: Brush, top: float) -> None:
    brush.stroke(curve([(1, 14), (-1, -8), (0, top)]), brush.ink, 3)
    brush.stroke(curve([(1, 14), (-1, -8), (0, top)]), GREEN, 1.7)
    leaf = [*curve([(0, -8), (-5, -16), (-12, -17)]), *curve([(-12, -17), (-8, -8), (0, -8)])]
    brush.shape(leaf, GREEN)
    brush.moved(0, -1).shape(flipped(leaf), GREEN)


def mirror(brush: Brush) -> None:
    brush.shape(box(-1.7, -22, 1.7, 14), GOLD)
    glass = brush.moved(0, -34)
    glass.shape(ellipse(0, 0, 12, 14), GOLD)
    glass.shape(ellipse(0, 0, 8.8, 10.8), GLASS)
    glass.fill([(-5, 4), (1, -9), (4.5, -7.5), (-2, 7.5)], WHITE)
    glass.shape(ellipse(0, -15, 2.5), RED)


def leaf(brush: Brush) -> None:
    brush.stroke([(0, 14), (0, -8)], brush.ink, 3)
    half = [(0, -56), (-4, -48), (-11, -46), (-9, -38), (-14, -30), (-9, -25), (-10, -16), (0, -8)]
    brush.shape(symmetric(curve(half)), GREEN)
    brush.stroke([(0, 14), (0, -50)], GOLD, 1.3)
    for y in (-20, -30, -40):
        brush.stroke([(-7, y - 6), (0, y), (7, y - 6)], GOLD, 1)


def bow(brush: Brush) -> None:
    limb = curve([(8, -56), (2, -50), (-5, -30), (1, -5), (-5, 20), (2, 34)])
    brush.stroke(limb, brush.ink, 5)
    brush.stroke(limb, AMBER, 3.4)
    brush.stroke([(8, -56), (6, -12), (2, 34)], brush.ink, 0.8)
    brush.stroke([(-20, -13), (9, -5)], brush.ink, 2)
    brush.shape([(-20, -13), (-13, -14.5), (-14.5, -8)], STEEL)


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
