"""The court cards of the modern deck: busts of flat shapes before a coloured disc.

One table describes the twelve figures; one composition draws them all. The shoulders reach the
middle of the card, where a coloured bar parts the two heads.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

import flat_attire as attire
import flat_heads as heads
from brush import Brush, Colour, Fabric, arc, box, curve, ellipse
from colours import (
    BRICK,
    CHESTNUT,
    CREAM,
    LILAC,
    MUSTARD,
    NIGHT,
    ORANGE,
    PETROL,
    PLUM,
    ROSE,
    SAGE,
    SAND,
    SMOKE,
    TEAL,
)
from fabrics import checks, chevrons, dots, lozenges, plain, stripes
from poses import Side, View

MODERN_SIZE = WIDTH, HEIGHT = (67, 91)
CENTRE = WIDTH / 2


@dataclass(frozen=True, kw_only=True)
class Bust:
    looks: Side
    view: View
    skin: heads.Skin
    hair: heads.Hair
    tint: Colour
    headdress: heads.Headdress
    attribute: attire.Attribute
    disc: Colour
    coat: Fabric
    collar: attire.Collar
    trim: Colour
    beard: heads.Beard | None = None


MODERN_COURTS: dict[tuple[str, str], Bust] = {
    ("king", "clubs"): Bust(
        looks=Side.LEFT,
        view=View.PROFILE,
        skin=heads.TAN,
        hair=heads.bob,
        tint=NIGHT,
        headdress=heads.tower_crown,
        attribute=attire.sword,
        disc=SAGE,
        coat=stripes(PLUM, ORANGE, 8),
        collar=attire.vee,
        trim=MUSTARD,
        beard=heads.block_beard,
    ),
    ("king", "diamonds"): Bust(
        looks=Side.RIGHT,
        view=View.FRONT,
        skin=heads.PALE,
        hair=heads.bell,
        tint=CHESTNUT,
        headdress=heads.zigzag_crown,
        attribute=attire.sceptre,
        disc=TEAL,
        coat=dots(BRICK, MUSTARD, 9),
        collar=attire.disc_collar,
        trim=NIGHT,
        beard=heads.round_beard,
    ),
    ("king", "hearts"): Bust(
        looks=Side.RIGHT,
        view=View.PROFILE,
        skin=heads.PALE,
        hair=heads.steps,
        tint=SMOKE,
        headdress=heads.sun_crown,
        attribute=attire.axe,
        disc=LILAC,
        coat=chevrons(PETROL, TEAL, 9, middle=CENTRE),
        collar=attire.lapels,
        trim=CREAM,
        beard=heads.wedge_beard,
    ),
    ("king", "spades"): Bust(
        looks=Side.LEFT,
        view=View.THREE_QUARTER,
        skin=heads.DARK,
        hair=heads.cropped,
        tint=NIGHT,
        headdress=heads.arch_crown,
        attribute=attire.orb,
        disc=ROSE,
        coat=checks(MUSTARD, NIGHT, 10),
        collar=attire.bands,
        trim=BRICK,
        beard=heads.round_beard,
    ),
    ("queen", "clubs"): Bust(
        looks=Side.RIGHT,
        view=View.FRONT,
        skin=heads.DARK,
        hair=heads.cloud,
        tint=NIGHT,
        headdress=heads.fan_tiara,
        attribute=attire.daisy,
        disc=ORANGE,
        coat=plain(TEAL),
        collar=attire.spiked_ruff,
        trim=MUSTARD,
    ),
    ("queen", "diamonds"): Bust(
        looks=Side.LEFT,
        view=View.PROFILE,
        skin=heads.PALE,
        hair=heads.bun,
        tint=CHESTNUT,
        headdress=heads.pearl_tiara,
        attribute=attire.fan,
        disc=SAGE,
        coat=lozenges(ORANGE, BRICK, 9),
        collar=attire.disc_collar,
        trim=PLUM,
    ),
    ("queen", "hearts"): Bust(
        looks=Side.LEFT,
        view=View.THREE_QUARTER,
        skin=heads.PALE,
        hair=heads.bell,
        tint=SAND,
        headdress=heads.peak_tiara,
        attribute=attire.tulip,
        disc=PLUM,
        coat=stripes(ROSE, BRICK, 8, 45),
        collar=attire.vee,
        trim=PETROL,
    ),
    ("queen", "spades"): Bust(
        looks=Side.RIGHT,
        view=View.PROFILE,
        skin=heads.TAN,
        hair=heads.tail,
        tint=NIGHT,
        headdress=heads.crescent,
        attribute=attire.mirror,
        disc=MUSTARD,
        coat=dots(PLUM, LILAC, 8),
        collar=attire.bands,
        trim=NIGHT,
    ),
    ("jack", "clubs"): Bust(
        looks=Side.RIGHT,
        view=View.PROFILE,
        skin=heads.PALE,
        hair=heads.bob,
        tint=SAND,
        headdress=heads.feathered_cone,
        attribute=attire.bow,
        disc=ROSE,
        coat=chevrons(ORANGE, MUSTARD, 10, middle=CENTRE),
        collar=attire.lapels,
        trim=TEAL,
    ),
    ("jack", "diamonds"): Bust(
        looks=Side.LEFT,
        view=View.THREE_QUARTER,
        skin=heads.TAN,
        hair=heads.cloud,
        tint=CHESTNUT,
        headdress=heads.beret,
        attribute=attire.leaf,
        disc=MUSTARD,
        coat=stripes(SAGE, PETROL, 7, 90),
        collar=attire.vee,
        trim=BRICK,
    ),
    ("jack", "hearts"): Bust(
        looks=Side.RIGHT,
        view=View.FRONT,
        skin=heads.PALE,
        hair=heads.steps,
        tint=ORANGE,
        headdress=heads.skullcap,
        attribute=attire.flute,
        disc=SAGE,
        coat=plain(PLUM),
        collar=attire.spiked_ruff,
        trim=CREAM,
    ),
    ("jack", "spades"): Bust(
        looks=Side.LEFT,
        view=View.PROFILE,
        skin=heads.DARK,
        hair=heads.cropped,
        tint=NIGHT,
        headdress=heads.wide_hat,
        attribute=attire.halberd,
        disc=LILAC,
        coat=lozenges(TEAL, MUSTARD, 10),
        collar=attire.disc_collar,
        trim=BRICK,
        beard=heads.moustache,
    ),
}


def draw_flat_court(brush: Brush, suit: str, rank: str) -> None:
    bust = MODERN_COURTS[rank, suit]
    _draw_half(brush, bust)
    turned = brush.image.transpose(Image.Transpose.ROTATE_180)
    lower = box(0, HEIGHT / 2, WIDTH, HEIGHT)
    brush.image.paste(turned, mask=brush.mask(lower))
    brush.fill(box(11, HEIGHT / 2 - 1.2, 56, HEIGHT / 2 + 1.2), bust.disc)


def _draw_half(brush: Brush, bust: Bust) -> None:
    brush.fill(ellipse(CENTRE, 25, 20.5), bust.disc)
    hand = brush.moved(54.5, 45.5)
    bust.attribute(hand)
    head = brush.moved(CENTRE, 22, 10.2, mirrored=bust.looks is Side.LEFT)
    bust.hair(head, bust.tint, bust.view)
    brush.cover(_shoulders(), bust.coat, edge=False)
    head.fill(box(-0.36, 0.5, 0.36, 1.5), bust.skin.shade)
    bust.collar(brush.moved(CENTRE, 35.8), bust.trim)
    heads.face(head, bust.view, bust.skin)
    heads.fringe(head, bust.tint, bust.view)
    if bust.beard:
        bust.beard(head, bust.tint, bust.view)
    bust.headdress(head)
    hand.fill(ellipse(0, -4.2, 3.4, 3), bust.skin.light)
    hand.fill(arc(0, -4.2, 3.4, 3, 0, 180), bust.skin.shade)


def _shoulders() -> list[tuple[float, float]]:
    slope = curve([(CENTRE - 6, 33.5), (CENTRE - 14, 35.5), (CENTRE - 21, 39), (CENTRE - 22.5, 46)])
    return [*slope, *((2 * CENTRE - x, y) for x, y in slope[::-1])]
