"""One figure of the classic court cards, in framed, patterned finery.

The upper half ends on a slanting line through the middle of the card, hidden by a sash.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from ..drawing.brush import Brush, Colour, Fabric
from ..drawing.curves import Points, box
from ..drawing.views import Side, View
from . import beards, collars, crowns, faces, garments, hair, weapons
from .colours import BLACK, BLUE, SKIN, WHITE
from .pips import draw_pip

SIZE = (116, 166)
MIDDLE = (SIZE[0] / 2, SIZE[1] / 2)
# Half pixels, so that lines one pixel wide stay crisp.
FRAME = (18.5, 9.5, 97.5, 156.5)
# How far the slanting seam leaves the middle at the sides of the frame.
SEAM = 13.0


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: how its head is turned, what it wears and what it holds, and in which hand."""

    looks: Side
    view: View
    hair: hair.Hair
    tint: Colour
    headdress: crowns.Headdress
    attribute: weapons.Attribute
    collar: collars.Collar
    mantle: Fabric
    tunic: Fabric
    trim: Fabric
    beard: beards.Beard | None = None
    tilt: float = 0
    holds: Side = Side.RIGHT


def draw_figure(brush: Brush, figure: Figure, suit: str) -> None:
    """Draw the framed figure; the corners outside the frame stay as they are."""
    inside = brush.on(brush.image.copy())
    if figure.holds is Side.LEFT:
        inside = inside.moved(2 * MIDDLE[0], 0, mirrored=True)
    inside.fill(box(*FRAME), WHITE)
    _draw_half(inside, figure)
    draw_pip(inside.moved(27, 18.5, 14), suit)
    _sash(inside, figure)
    turned = inside.image.transpose(Image.Transpose.ROTATE_180)
    inside.image.paste(turned, mask=inside.mask(_below_seam()))
    brush.image.paste(inside.image, mask=brush.mask(box(*FRAME)))
    left, top, right, bottom = FRAME
    brush.inked(BLACK, 1).outline(box(*FRAME))
    brush.inked(BLUE, 1).outline(box(left - 2, top - 2, right + 2, bottom + 2))


def _below_seam() -> Points:
    left, _, right, bottom = FRAME
    return [(left, MIDDLE[1] - SEAM), (right, MIDDLE[1] + SEAM), (right, bottom), (left, bottom)]


def _sash(brush: Brush, figure: Figure) -> None:
    left, _, right, _ = FRAME
    upper, lower = MIDDLE[1] - SEAM, MIDDLE[1] + SEAM
    for width, fabric in ((4.2, figure.trim), (1.9, figure.tunic)):
        band = [
            (left, upper - width),
            (right, lower - width),
            (right, lower + width),
            (left, upper + width),
        ]
        brush.cover(band, fabric)


def _draw_half(brush: Brush, figure: Figure) -> None:
    """Draw the upper half, with what the figure holds on the right."""
    neck = brush.moved(MIDDLE[0], 56)
    garments.garment(neck, figure.mantle, figure.tunic, figure.trim)
    hand = brush.moved(85, 76)
    figure.attribute(hand.moved(0, 0, angle=figure.tilt))
    head = brush.moved(56.5, 39.5, 15, mirrored=figure.looks is not figure.holds)
    hair.hair(head, figure.hair, figure.tint, figure.view)
    head.shape([(-0.35, 0.5), (0.3, 0.5), (0.36, 1.35), (-0.42, 1.35)], SKIN)
    figure.collar(neck.moved(-2, 0))
    garments.arm(hand, figure.mantle, WHITE)
    faces.face(head, figure.view)
    if figure.beard:
        figure.beard(head, figure.tint, figure.view)
    hair.fringe(head, figure.view, figure.tint)
    figure.headdress(head)
