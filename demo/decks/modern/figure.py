"""One figure of the modern court cards: a bust of flat shapes before a coloured disc.

The shoulders reach the middle of the card, where a coloured bar parts the two heads.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from ..drawing.brush import Brush, Colour, Fabric
from ..drawing.curves import arc, box, curve, ellipse
from ..drawing.views import Side, View
from . import beards, collars, crowns, faces, hair, weapons

SIZE = WIDTH, HEIGHT = (67, 91)
CENTRE = WIDTH / 2


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: how its head is turned, what it wears and what it holds."""

    looks: Side
    view: View
    skin: faces.Skin
    hair: hair.Hair
    tint: Colour
    headdress: crowns.Headdress
    attribute: weapons.Attribute
    disc: Colour
    coat: Fabric
    collar: collars.Collar
    trim: Colour
    beard: beards.Beard | None = None


def draw_figure(brush: Brush, figure: Figure) -> None:
    """Draw both halves of a figure and the bar between them."""
    _draw_half(brush, figure)
    turned = brush.image.transpose(Image.Transpose.ROTATE_180)
    lower = box(0, HEIGHT / 2, WIDTH, HEIGHT)
    brush.image.paste(turned, mask=brush.mask(lower))
    brush.fill(box(11, HEIGHT / 2 - 1.2, 56, HEIGHT / 2 + 1.2), figure.disc)


def _draw_half(brush: Brush, figure: Figure) -> None:
    brush.fill(ellipse(CENTRE, 25, 20.5), figure.disc)
    hand = brush.moved(54.5, 45.5)
    figure.attribute(hand)
    head = brush.moved(CENTRE, 22, 10.2, mirrored=figure.looks is Side.LEFT)
    figure.hair(head, figure.tint, figure.view)
    brush.cover(_shoulders(), figure.coat, edge=False)
    head.fill(box(-0.36, 0.5, 0.36, 1.5), figure.skin.shade)
    figure.collar(brush.moved(CENTRE, 35.8), figure.trim)
    faces.face(head, figure.view, figure.skin)
    hair.fringe(head, figure.tint, figure.view)
    if figure.beard:
        figure.beard(head, figure.tint, figure.view)
    figure.headdress(head)
    hand.fill(ellipse(0, -4.2, 3.4, 3), figure.skin.light)
    hand.fill(arc(0, -4.2, 3.4, 3, 0, 180), figure.skin.shade)


def _shoulders() -> list[tuple[float, float]]:
    slope = curve([(CENTRE - 6, 33.5), (CENTRE - 14, 35.5), (CENTRE - 21, 39), (CENTRE - 22.5, 46)])
    return [*slope, *((2 * CENTRE - x, y) for x, y in slope[::-1])]
