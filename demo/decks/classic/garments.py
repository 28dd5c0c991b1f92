"""Garments and arms of the classic court cards.

Units are pixels of the card. A garment has its origin in the middle of the neck line.
"""

from __future__ import annotations

from ..drawing.brush import Brush, Colour, Fabric
from ..drawing.curves import curve, flipped
from .colours import SKIN

MANTLE = [
    *curve([(-5, -2), (-14, 2), (-28, 5.5), (-40, 12), (-48, 34)]),
    *curve([(-46, 70), (-12, 70), (-13, 40), (-10, 15), (-5, -2)]),
]
TUNIC = [(-8, -2), (8, -2), (15, 70), (-15, 70)]


def garment(brush: Brush, mantle: Fabric, tunic: Fabric, trim: Fabric) -> None:
    """Draw a tunic and the mantle over it, trimmed along its edges."""
    brush.cover(TUNIC, tunic)
    for side in (MANTLE, flipped(MANTLE)):
        brush.cover(side, mantle)
    hem = [*curve([(-5, -2), (-10, 15), (-13, 40), (-12, 70)]), (-17, 70)]
    hem += curve([(-18, 40), (-15, 15), (-8, 0)])
    for side in (hem, flipped(hem)):
        brush.cover(side, trim)


def arm(brush: Brush, sleeve: Fabric, cuff: Colour) -> None:
    """Draw a forearm that comes in from the right; the hand closes around the origin."""
    brush.cover(
        [*curve([(24, -6), (14, -6), (5, -6)]), (4, 7), *curve([(12, 14), (26, 24)])], sleeve
    )
    brush.shape([(3, -8), (8, -8), (8, 9), (3, 9)], cuff)
    hand = [(4, -5), (-1, -5.5), (-5, -4), (-5.5, 0), (-5, 4.5), (-1, 6), (4, 5)]
    brush.shape(curve(hand, closed=True), SKIN)
    for y in (-1.8, 1.2, 3.8):
        brush.stroke([(-5, y), (-1, y)], brush.ink, 0.5)
