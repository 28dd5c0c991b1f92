"""The court cards of the classic deck: two-headed figures in framed, patterned finery.

One table describes the twelve figures; one composition draws them all. The upper half of the
figure ends on a slanting line through the middle of the card, hidden by a sash.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

import ornate_attire as attire
import ornate_heads as heads
from brush import Brush, Colour, Fabric, Points, box
from colours import AUBURN, BLACK, BLUE, BROWN, FLAXEN, GOLD, GREEN, RAVEN, RED, SILVER, SKIN, WHITE
from fabrics import checks, chevrons, dots, lozenges, plain, stripes
from pips import classic_pip
from poses import Side, View

CLASSIC_SIZE = (116, 166)
MIDDLE = (CLASSIC_SIZE[0] / 2, CLASSIC_SIZE[1] / 2)
# Half pixels, so that lines one pixel wide stay crisp.
FRAME = (18.5, 9.5, 97.5, 156.5)
# How far the slanting seam leaves the middle at the sides of the frame.
SEAM = 13.0


@dataclass(frozen=True, kw_only=True)
class Figure:
    looks: Side
    view: View
    hair: heads.Hair
    tint: Colour
    headdress: heads.Headdress
    attribute: attire.Attribute
    collar: attire.Collar
    mantle: Fabric
    tunic: Fabric
    trim: Fabric
    beard: heads.Beard | None = None
    tilt: float = 0
    holds: Side = Side.RIGHT


CLASSIC_COURTS: dict[tuple[str, str], Figure] = {
    ("king", "clubs"): Figure(
        looks=Side.RIGHT,
        view=View.THREE_QUARTER,
        hair=heads.curls,
        tint=BROWN,
        headdress=heads.arched_crown,
        holds=Side.LEFT,
        attribute=attire.orb,
        collar=attire.ermine_cape,
        mantle=stripes(RED, GOLD, 6),
        tunic=plain(BLUE),
        trim=plain(GOLD),
        beard=heads.full_beard,
    ),
    ("king", "diamonds"): Figure(
        looks=Side.LEFT,
        view=View.PROFILE,
        hair=heads.straight,
        tint=SILVER,
        headdress=heads.pointed_crown,
        attribute=attire.axe,
        tilt=4,
        collar=attire.chain,
        mantle=dots(BLUE, GOLD, 7),
        tunic=stripes(WHITE, RED, 5, 90),
        trim=plain(RED),
        beard=heads.pointed_beard,
    ),
    ("king", "hearts"): Figure(
        looks=Side.RIGHT,
        view=View.FRONT,
        hair=heads.roll,
        tint=FLAXEN,
        headdress=heads.lily_crown,
        attribute=attire.sword,
        tilt=6,
        collar=attire.ermine_cape,
        mantle=chevrons(RED, BLACK, 8, middle=MIDDLE[0]),
        tunic=plain(GOLD),
        trim=plain(BLUE),
        beard=heads.forked_beard,
    ),
    ("king", "spades"): Figure(
        looks=Side.RIGHT,
        view=View.PROFILE,
        hair=heads.waves,
        tint=RAVEN,
        headdress=heads.turban_crown,
        attribute=attire.mace,
        tilt=-4,
        collar=attire.pointed_collar,
        mantle=lozenges(GOLD, BLUE, 9),
        tunic=plain(RED),
        trim=plain(BLACK),
        beard=heads.full_beard,
    ),
    ("queen", "clubs"): Figure(
        looks=Side.LEFT,
        view=View.THREE_QUARTER,
        hair=heads.waves,
        tint=AUBURN,
        headdress=heads.coronet,
        attribute=attire.rose,
        tilt=6,
        collar=attire.square_neck,
        mantle=plain(BLUE),
        tunic=lozenges(GOLD, RED, 8),
        trim=dots(WHITE, BLACK, 4),
    ),
    ("queen", "diamonds"): Figure(
        looks=Side.RIGHT,
        view=View.PROFILE,
        hair=heads.braids,
        tint=FLAXEN,
        headdress=heads.flower_tiara,
        attribute=attire.mirror,
        tilt=-4,
        collar=attire.ruff,
        mantle=stripes(RED, WHITE, 8, 45),
        tunic=dots(BLUE, WHITE, 6),
        trim=plain(GOLD),
    ),
    ("queen", "hearts"): Figure(
        looks=Side.RIGHT,
        view=View.FRONT,
        hair=heads.roll,
        tint=BROWN,
        headdress=heads.veil,
        attribute=attire.tulip,
        tilt=8,
        collar=attire.square_neck,
        mantle=dots(GOLD, RED, 8),
        tunic=chevrons(WHITE, BLUE, 7, middle=MIDDLE[0]),
        trim=plain(RED),
    ),
    ("queen", "spades"): Figure(
        looks=Side.LEFT,
        view=View.PROFILE,
        hair=heads.straight,
        tint=RAVEN,
        headdress=heads.gable,
        holds=Side.LEFT,
        attribute=attire.sceptre,
        tilt=6,
        collar=attire.pointed_collar,
        mantle=checks(BLACK, GOLD, 10),
        tunic=plain(RED),
        trim=plain(BLUE),
    ),
    ("jack", "clubs"): Figure(
        looks=Side.RIGHT,
        view=View.FRONT,
        hair=heads.straight,
        tint=FLAXEN,
        headdress=heads.beret,
        attribute=attire.bow,
        collar=attire.pointed_collar,
        mantle=plain(GREEN),
        tunic=stripes(WHITE, BLUE, 5),
        trim=plain(GOLD),
    ),
    ("jack", "diamonds"): Figure(
        looks=Side.LEFT,
        view=View.THREE_QUARTER,
        hair=heads.curls,
        tint=AUBURN,
        headdress=heads.flat_cap,
        holds=Side.LEFT,
        attribute=attire.halberd,
        collar=attire.ruff,
        mantle=stripes(GOLD, BLACK, 7, 90),
        tunic=plain(RED),
        trim=plain(BLUE),
    ),
    ("jack", "hearts"): Figure(
        looks=Side.LEFT,
        view=View.PROFILE,
        hair=heads.roll,
        tint=BROWN,
        headdress=heads.stocking_cap,
        attribute=attire.leaf,
        tilt=4,
        collar=attire.pointed_collar,
        mantle=lozenges(RED, WHITE, 8),
        tunic=stripes(BLUE, GOLD, 5, 90),
        trim=plain(BLACK),
        beard=heads.moustache,
    ),
    ("jack", "spades"): Figure(
        looks=Side.RIGHT,
        view=View.PROFILE,
        hair=heads.cropped,
        tint=RAVEN,
        headdress=heads.brimmed_hat,
        attribute=attire.trumpet,
        tilt=-4,
        collar=attire.chain,
        mantle=chevrons(BLUE, WHITE, 9, middle=MIDDLE[0]),
        tunic=checks(GOLD, RED, 8),
        trim=plain(RED),
    ),
}


def draw_ornate_court(brush: Brush, suit: str, rank: str) -> None:
    """Draw the framed figure; the corners outside the frame stay as they are."""
    figure = CLASSIC_COURTS[rank, suit]
    inside = brush.on(brush.image.copy())
    if figure.holds is Side.LEFT:
        inside = inside.moved(2 * MIDDLE[0], 0, mirrored=True)
    inside.fill(box(*FRAME), WHITE)
    _draw_half(inside, figure)
    classic_pip(inside.moved(27, 18.5, 14), suit)
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
    """The upper figure; it is drawn with the attribute on the right."""
    neck = brush.moved(MIDDLE[0], 56)
    attire.garment(neck, figure.mantle, figure.tunic, figure.trim)
    hand = brush.moved(85, 76)
    figure.attribute(hand.moved(0, 0, angle=figure.tilt))
    head = brush.moved(56.5, 39.5, 15, mirrored=figure.looks is not figure.holds)
    heads.hair(head, figure.hair, figure.tint, figure.view)
    head.shape([(-0.35, 0.5), (0.3, 0.5), (0.36, 1.35), (-0.42, 1.35)], SKIN)
    figure.collar(neck.moved(-2, 0))
    attire.arm(hand, figure.mantle, WHITE)
    heads.face(head, figure.view)
    if figure.beard:
        figure.beard(head, figure.tint, figure.view)
    heads.fringe(head, figure.view, figure.tint)
    figure.headdress(head)
