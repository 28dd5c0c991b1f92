"""Heads of the ornate court cards: faces, hair, beards, crowns and hats.

All coordinates are those of a head looking to the right: the origin is between the eyes, a unit
is half the height of the face. A head looking to the left is drawn with a mirrored brush.
"""

from __future__ import annotations

from collections.abc import Callable

from brush import Brush, Colour, Points, arc, box, curve, ellipse, symmetric
from colours import BLACK, BLUE, BLUSH, GOLD, GREEN, LIPS, RED, SKIN, WHITE
from poses import View

Hair = Callable[[Brush, Colour], None]
Beard = Callable[[Brush, Colour, View], None]
Headdress = Callable[[Brush], None]

FRONT_FACE = symmetric(
    curve([(0, -1), (-0.55, -0.88), (-0.78, -0.25), (-0.7, 0.4), (-0.4, 0.86), (0, 1.02)])
)
TURNED_FACE = [
    *curve([(0.05, -1), (0.5, -0.9), (0.7, -0.45), (0.62, -0.18), (0.74, 0.18), (0.64, 0.55)]),
    *curve([(0.64, 0.55), (0.45, 0.9), (0.15, 1.03), (-0.35, 0.8), (-0.68, 0.35)]),
    *curve([(-0.68, 0.35), (-0.76, -0.25), (-0.5, -0.88), (0.05, -1)]),
]
PROFILE_FACE = [
    *curve([(-0.1, -1), (0.35, -0.92), (0.58, -0.62), (0.6, -0.3), (0.54, -0.16)]),
    *curve([(0.54, -0.16), (0.74, 0.1), (0.92, 0.3), (0.82, 0.38), (0.62, 0.36)]),
    *curve([(0.62, 0.36), (0.6, 0.44), (0.72, 0.52), (0.62, 0.58), (0.7, 0.66), (0.58, 0.74)]),
    *curve([(0.58, 0.74), (0.66, 0.88), (0.48, 1.04), (0.2, 0.98), (-0.3, 0.68), (-0.5, 0.2)]),
    *curve([(-0.5, 0.2), (-0.72, -0.3), (-0.5, -0.85), (-0.1, -1)]),
]
FACES = {
    View.FRONT: FRONT_FACE,
    View.THREE_QUARTER: TURNED_FACE,
    View.PROFILE: PROFILE_FACE,
}


def face(brush: Brush, view: View) -> None:
    brush.shape(FACES[view], SKIN)
    if view is View.PROFILE:
        brush.fill(ellipse(0.2, 0.38, 0.2, 0.17), BLUSH)
        _profile_features(brush)
    else:
        shift = view.value
        for x in (shift - 0.48, 0.48):
            brush.fill(ellipse(x, 0.36, 0.16, 0.15), BLUSH)
        _open_features(brush, shift)


def _open_features(brush: Brush, shift: float) -> None:
    far = 1 - shift
    _eye(brush, shift - 0.34, 1, shift)
    _eye(brush, shift + 0.34 * far, far, shift)
    tip = shift * 2.2
    nose = [(shift + 0.1 * far, -0.06), (tip + 0.13, 0.3), (tip + 0.02, 0.38), (shift - 0.1, 0.34)]
    brush.stroke(curve(nose), brush.ink, 0.65)
    _mouth(brush, shift * 1.3, far)


def _eye(brush: Brush, x: float, width: float, gaze: float) -> None:
    rx = 0.22 * width
    lens = [*arc(x, 0.02, rx, 0.17, 180, 360), *arc(x, -0.04, rx, 0.13, 0, 180)]
    brush.fill(lens, WHITE)
    brush.fill(ellipse(x + gaze * 0.35, -0.03, 0.105, 0.13), BLACK)
    brush.stroke(arc(x, 0.02, rx, 0.17, 180, 360), brush.ink, 0.6)
    arch = [(x - rx * 1.25, -0.26), (x, -0.37), (x + rx * 1.25, -0.28)]
    brush.stroke(curve(arch), BLACK, 0.9)


def _mouth(brush: Brush, x: float, width: float) -> None:
    left, right = x - 0.24 * width, x + 0.24 * width
    upper = [(left, 0.6), (x - 0.09, 0.54), (x, 0.58), (x + 0.09, 0.54), (right, 0.6)]
    brush.fill(curve([*upper, (x, 0.75)], closed=True), LIPS)
    brush.stroke([(left, 0.61), (x, 0.63), (right, 0.61)], brush.ink, 0.35)


def _profile_features(brush: Brush) -> None:
    eye = [*curve([(0.14, 0.0), (0.3, -0.16), (0.46, -0.16)]), (0.42, 0.07)]
    brush.fill(eye, WHITE)
    brush.fill(ellipse(0.38, -0.05, 0.09, 0.12), BLACK)
    brush.stroke(curve([(0.12, 0.0), (0.3, -0.17), (0.5, -0.17)]), brush.ink, 0.65)
    brush.stroke(curve([(0.1, -0.33), (0.32, -0.42), (0.56, -0.34)]), BLACK, 0.9)
    brush.stroke(curve([(0.6, 0.22), (0.62, 0.33), (0.74, 0.36)]), brush.ink, 0.5)
    brush.fill(curve([(0.4, 0.6), (0.56, 0.48), (0.71, 0.53), (0.62, 0.58)]), LIPS)
    brush.fill(curve([(0.4, 0.6), (0.62, 0.59), (0.69, 0.66), (0.55, 0.71)]), LIPS)


# Hair. Each function draws the mass on the left side of a head, from the temple downwards.


def roll(brush: Brush, tint: Colour) -> None:
    side = [(-0.1, -1), (-0.75, -0.85), (-1.02, -0.2), (-1.0, 0.5), (-1.22, 0.85), (-0.9, 1.25)]
    brush.shape(curve([*side, (-0.5, 1.1), (-0.45, 0.4), (-0.4, -0.4)], closed=True), tint)
    brush.stroke(curve([(-0.62, -0.7), (-0.8, -0.1), (-0.72, 0.5)]), brush.ink, 0.5)
    brush.shape(ellipse(-0.98, 0.92, 0.36), tint)
    brush.stroke(curve(arc(-0.98, 0.92, 0.17, 0.17, 200, 480)), brush.ink, 0.6)


def curls(brush: Brush, tint: Colour) -> None:
    locks = ((-0.55, -0.75), (-0.86, -0.35), (-0.98, 0.12), (-0.95, 0.6), (-0.78, 1.02))
    for x, y in locks[::-1]:
        brush.shape(ellipse(x, y, 0.33), tint)
        brush.stroke(arc(x, y, 0.15, 0.15, 120, 380), brush.ink, 0.55)


def straight(brush: Brush, tint: Colour) -> None:
    side = curve([(-0.05, -1), (-0.7, -0.86), (-0.98, -0.3), (-1.08, 0.5), (-1.18, 1.05)])
    brush.shape([*side, (-0.45, 1.12), (-0.45, -0.4)], tint)
    for x in (-0.95, -0.75, -0.57):
        brush.stroke([(x * 0.9, -0.3), (x, 0.95)], brush.ink, 0.5)


def waves(brush: Brush, tint: Colour) -> None:
    outer = [(-0.05, -1), (-0.72, -0.86), (-1.08, -0.3), (-0.95, 0.25), (-1.2, 0.75)]
    inner = [(-1.3, 2.15), (-0.8, 2.0), (-0.62, 1.4), (-0.4, 0.6), (-0.4, -0.4)]
    brush.shape(curve([*outer, (-1.1, 1.25), (-1.38, 1.75), *inner], closed=True), tint)
    for x in (0.0, 0.24):
        strand = [(x - 0.9, -0.35), (x - 0.82, 0.25), (x - 1.02, 0.8), (x - 0.95, 1.3)]
        brush.stroke(curve([*strand, (x - 1.15, 1.8)]), brush.ink, 0.5)


def braids(brush: Brush, tint: Colour) -> None:
    brush.shape(
        curve([(-0.05, -1), (-0.7, -0.88), (-0.96, -0.2), (-0.85, 0.5), (-0.45, 0.3)], closed=True),
        tint,
    )
    for i in range(5):
        x, y = -0.92 - 0.03 * i, 0.35 + 0.36 * i
        brush.moved(x, y, angle=28 if i % 2 else -28).shape(ellipse(0, 0, 0.32, 0.23), tint)
    brush.shape(box(-1.25, 2.0, -0.85, 2.16), RED)
    brush.shape([(-1.1, 2.16), (-1.3, 2.5), (-0.8, 2.5), (-1.0, 2.16)], tint)


def cropped(brush: Brush, tint: Colour) -> None:
    cut = [(0, -1), (-0.66, -0.92), (-0.96, -0.4), (-0.93, 0.25), (-0.72, 0.5), (-0.5, 0.1)]
    brush.shape(curve(cut, closed=True), tint)


def fringe(brush: Brush, view: View, tint: Colour) -> None:
    """The hair around the forehead, over the face."""
    if view is View.PROFILE:
        hairline = [(0.58, -0.56), (0.1, -0.62), (-0.12, -0.3), (-0.02, 0.12), (-0.3, 0.5)]
        nape = [(-0.3, 0.5), (-0.62, 0.55), (-0.85, -0.2), (-0.6, -1.0), (0.1, -1.12), (0.58, -0.9)]
        brush.shape([*curve(hairline), *curve(nape)], tint)
        return
    shift = view.value * 0.6
    arch = [(-0.72, -0.28), (-0.5 + shift, -0.62), (shift, -0.74), (0.5 + shift * 0.5, -0.62)]
    crest = [(0.6, -0.95), (0, -1.15), (-0.7, -0.95)]
    brush.shape([*curve([*arch, (0.74, -0.3)]), *curve(crest)], tint)


def hair(brush: Brush, style: Hair, tint: Colour, view: View) -> None:
    if view is View.PROFILE:
        brush.shape(ellipse(-0.2, -0.35, 0.72, 0.72), tint)
        style(brush.moved(0.12, 0), tint)
        return
    style(brush, tint)
    style(brush.moved(view.value * 0.3, 0, mirrored=True), tint)


# Beards.


def _whiskers(brush: Brush, half: Points, side: Points, tint: Colour, view: View) -> None:
    """A beard from the outline of its left half, or of its side view."""
    if view is View.PROFILE:
        brush.shape(side, tint)
    else:
        brush.moved(view.value * 0.7, 0).shape(symmetric(half), tint)


def full_beard(brush: Brush, tint: Colour, view: View) -> None:
    half = curve([(0, 0.42), (-0.3, 0.48), (-0.62, 0.1), (-0.82, 0.3), (-0.68, 1), (0, 1.5)])
    side = [
        *curve([(0.66, 0.42), (0.3, 0.5), (0.05, 0.35), (-0.3, 0.1), (-0.5, 0.25)]),
        *curve([(-0.5, 0.25), (-0.25, 1.05), (0.3, 1.5), (0.72, 1.3), (0.72, 0.72)]),
    ]
    _whiskers(brush, half, side, tint, view)
    _beard_strands(brush, view, 1.2)
    moustache(brush, tint, view)


def forked_beard(brush: Brush, tint: Colour, view: View) -> None:
    half = [
        *curve([(0, 0.42), (-0.3, 0.48), (-0.64, 0.1), (-0.78, 0.4), (-0.62, 1), (-0.5, 1.72)]),
        *curve([(-0.5, 1.72), (-0.12, 1.45), (0, 1.15)]),
    ]
    side = [
        *curve([(0.66, 0.42), (0.3, 0.5), (0.05, 0.35), (-0.3, 0.1), (-0.5, 0.25)]),
        *curve([(-0.5, 0.25), (-0.25, 1), (0.1, 1.65), (0.36, 1.25)]),
        *curve([(0.36, 1.25), (0.75, 1.7), (0.85, 1.15), (0.72, 0.72)]),
    ]
    _whiskers(brush, half, side, tint, view)
    _beard_strands(brush, view, 1.1)
    moustache(brush, tint, view)


def pointed_beard(brush: Brush, tint: Colour, view: View) -> None:
    half = curve([(0, 0.5), (-0.34, 0.52), (-0.62, 0.35), (-0.4, 1.05), (0, 1.8)])
    side = [
        *curve([(0.66, 0.42), (0.4, 0.5), (0.15, 0.6), (-0.2, 0.5)]),
        *curve([(-0.2, 0.5), (0.1, 1.05), (0.85, 1.85)]),
        *curve([(0.85, 1.85), (0.86, 1.2), (0.72, 0.72)]),
    ]
    _whiskers(brush, half, side, tint, view)
    moustache(brush, tint, view)


def _beard_strands(brush: Brush, view: View, bottom: float) -> None:
    middle = 0.28 if view is View.PROFILE else view.value * 0.7
    for x in (-0.3, 0, 0.3):
        brush.stroke([(middle + x, 0.86), (middle + x * 0.7, bottom)], brush.ink, 0.5)


def moustache(brush: Brush, tint: Colour, view: View) -> None:
    wing = [*curve([(0, 0.42), (-0.3, 0.42), (-0.62, 0.68)]), *curve([(-0.3, 0.62), (0, 0.54)])]
    if view is View.PROFILE:
        brush.moved(0.72, 0.0).shape(wing, tint)
        brush.fill(ellipse(0.6, 0.63, 0.13, 0.07), LIPS)
        return
    middle = view.value * 1.3
    brush.fill(ellipse(middle, 0.67, 0.18, 0.09), LIPS)
    brush.moved(middle, 0).shape(wing, tint)
    brush.moved(middle, 0, mirrored=True).shape(wing, tint)


# Headdresses; they sit on the line y = -0.7.


def _band(brush: Brush, tint: Colour, height: float = 0.3) -> None:
    lower = curve([(-0.84, -0.72), (0, -0.6), (0.84, -0.72)])
    upper = curve([(0.88, -0.72 - height), (0, -0.6 - height), (-0.88, -0.72 - height)])
    brush.shape([*lower, *upper], tint)


def arched_crown(brush: Brush) -> None:
    brush.shape(curve([(-0.85, -0.9), (-0.95, -1.5), (0, -1.75), (0.95, -1.5), (0.85, -0.9)]), RED)
    for x in (-0.95, -0.45, 0, 0.45, 0.95):
        brush.stroke(curve([(x * 0.85, -0.95), (x * 1.1, -1.35), (0, -1.78)]), brush.ink, 2.4)
        brush.stroke(curve([(x * 0.85, -0.95), (x * 1.1, -1.35), (0, -1.78)]), GOLD, 1.3)
    _band(brush, GOLD)
    for x, tint in ((-0.5, BLUE), (0, RED), (0.5, BLUE)):
        brush.fill(ellipse(x, -0.8 + 0.08 * (x == 0), 0.11), tint)
    brush.shape(ellipse(0, -1.84, 0.16), GOLD)


def pointed_crown(brush: Brush) -> None:
    points: Points = [(-0.86, -0.85)]
    for x, top in ((-0.9, -1.6), (-0.45, -1.75), (0, -1.85), (0.45, -1.75), (0.9, -1.6)):
        points += [(x * 1.08, top), (x + 0.225, -1.15)]
    brush.shape([*points[:-1], (0.86, -0.85)], GOLD)
    for x, top in ((-0.97, -1.62), (-0.49, -1.77), (0, -1.87), (0.49, -1.77), (0.97, -1.62)):
        brush.shape(ellipse(x, top, 0.13), RED)
    _band(brush, RED, 0.26)
    for x in (-0.6, -0.3, 0, 0.3, 0.6):
        brush.fill(ellipse(x, -0.8 + 0.04 * (abs(x) < 0.5), 0.08), WHITE)


def lily_crown(brush: Brush) -> None:
    brush.shape(curve([(-0.8, -0.9), (-0.6, -1.45), (0, -1.55), (0.6, -1.45), (0.8, -0.9)]), BLUE)
    for x, lean in ((-0.78, -16), (0, 0), (0.78, 16)):
        lily = brush.moved(x, -1.0, angle=lean)
        lily.shape(curve([(-0.1, 0.1), (-0.12, -0.2), (-0.42, -0.35), (-0.3, 0.05)]), GOLD)
        lily.shape(curve([(0.1, 0.1), (0.12, -0.2), (0.42, -0.35), (0.3, 0.05)]), GOLD)
        lily.shape(
            [
                *curve([(-0.14, 0.1), (-0.2, -0.35), (0, -0.85)]),
                *curve([(0, -0.85), (0.2, -0.35), (0.14, 0.1)]),
            ],
            GOLD,
        )
    _band(brush, GOLD, 0.34)
    for x in (-0.55, -0.18, 0.18, 0.55):
        brush.fill([(x, -0.93), (x + 0.1, -0.8), (x, -0.67), (x - 0.1, -0.8)], RED)


def turban_crown(brush: Brush) -> None:
    brush.shape(curve([(-0.9, -0.95), (-0.5, -1.5), (0, -1.9), (0.5, -1.5), (0.9, -0.95)]), BLACK)
    for x in (-0.6, 0.0, 0.6):
        brush.shape([(x - 0.32, -0.9), (x, -1.55), (x + 0.32, -0.9)], GOLD)
        brush.fill(ellipse(x, -1.08, 0.1), BLUE)
    brush.shape(
        curve(
            [
                (-0.95, -0.8),
                (-0.6, -1.05),
                (0, -1.0),
                (0.6, -1.05),
                (0.95, -0.8),
                (0.5, -0.62),
                (0, -0.56),
                (-0.5, -0.62),
            ],
            closed=True,
        ),
        WHITE,
    )
    for x in (-0.7, -0.42, -0.14, 0.14, 0.42, 0.7):
        brush.fill(ellipse(x, -0.8, 0.06, 0.1), BLACK)
    brush.shape(ellipse(0, -1.9, 0.15), RED)


def coronet(brush: Brush) -> None:
    for x, y in ((-0.72, -1.1), (-0.38, -1.2), (0, -1.25), (0.38, -1.2), (0.72, -1.1)):
        brush.shape([(x - 0.2, -0.8), (x, y - 0.18), (x + 0.2, -0.8)], GOLD)
        brush.shape(ellipse(x, y - 0.16, 0.13), WHITE)
    _band(brush, GOLD, 0.22)


def veil(brush: Brush) -> None:
    cloth = curve([(-0.6, -0.6), (-0.3, -1.25), (0.3, -1.35), (0.85, -0.75)])
    brush.shape([*cloth, *curve([(0.7, -0.72), (0, -0.8), (-0.72, -0.45)])], BLUE)
    brush.stroke(curve([(-0.72, -0.45), (0, -0.8), (0.75, -0.7)]), WHITE, 1.6)
    for x in (-0.35, 0.05, 0.45):
        y = -1.22 - 0.08 * (x == 0.05)
        brush.shape(
            [
                (x - 0.18, y + 0.2),
                (x - 0.2, y - 0.25),
                (x, y - 0.05),
                (x + 0.2, y - 0.25),
                (x + 0.18, y + 0.2),
            ],
            GOLD,
        )


def gable(brush: Brush) -> None:
    roof = [(-0.98, 0.15), (-0.98, -0.75), (0, -1.5), (0.98, -0.75), (0.98, 0.15)]
    brush.shape([*roof, (0.72, 0.15), (0.68, -0.5), (0, -1.0), (-0.68, -0.5), (-0.72, 0.15)], RED)
    brush.stroke([(-0.85, 0.1), (-0.83, -0.62), (0, -1.25), (0.83, -0.62), (0.85, 0.1)], GOLD, 1.5)
    brush.shape(curve([(-0.4, -1.25), (-0.5, -1.75), (-0.2, -1.5)]), GOLD)
    brush.shape(curve([(0.4, -1.25), (0.5, -1.75), (0.2, -1.5)]), GOLD)
    brush.shape([(-0.2, -1.35), (0, -1.95), (0.2, -1.35)], GOLD)


def flower_tiara(brush: Brush) -> None:
    _band(brush, GREEN, 0.2)
    for x, y, tint in (
        (-0.75, -0.88, RED),
        (-0.4, -1.0, WHITE),
        (0, -1.06, RED),
        (0.4, -1.0, WHITE),
        (0.75, -0.88, RED),
    ):
        for dx, dy in ((-0.13, 0), (0.13, 0), (0, -0.14), (0, 0.14)):
            brush.shape(ellipse(x + dx, y + dy, 0.15), tint)
        brush.fill(ellipse(x, y, 0.12), GOLD)


def _feather(brush: Brush, tint: Colour) -> None:
    plume = [
        *curve([(0, 0), (-0.3, -0.5), (-0.25, -1.0), (0.2, -1.25)]),
        *curve([(0.2, -1.25), (0.25, -0.7), (0, 0)]),
    ]
    brush.shape(plume, tint)
    brush.stroke(curve([(0, 0), (-0.06, -0.55), (0.1, -1.0)]), brush.ink, 0.5)


def beret(brush: Brush) -> None:
    _feather(brush.moved(-0.55, -1.0, 0.85, angle=-28), WHITE)
    top = [(-0.9, -0.75), (-1.25, -1.05), (-0.8, -1.45), (0.2, -1.5), (0.95, -1.15), (0.85, -0.75)]
    brush.shape(curve([*top, (0, -0.65)], closed=True), RED)
    brush.stroke(curve([(-1.0, -0.92), (-0.2, -1.12), (0.7, -1.0)]), brush.ink, 0.6)
    _band(brush, GOLD, 0.16)


def flat_cap(brush: Brush) -> None:
    brush.shape(box(-1.15, -1.45, 1.15, -1.05), BLUE)
    for x in (-0.9, -0.54, -0.18, 0.18, 0.54, 0.9):
        brush.shape(box(x - 0.1, -1.45, x + 0.1, -1.05), GOLD)
    brush.shape([(-1.0, -1.05), (1.0, -1.05), (0.86, -0.66), (-0.86, -0.66)], BLUE)
    brush.stroke([(-0.9, -0.82), (0.9, -0.82)], GOLD, 1)


def brimmed_hat(brush: Brush) -> None:
    _feather(brush.moved(-0.55, -1.05, 0.85, angle=-42), RED)
    brush.shape(
        curve([(-0.7, -0.85), (-0.62, -1.55), (0, -1.75), (0.62, -1.55), (0.7, -0.85)]), BLACK
    )
    brush.shape(curve([(-0.7, -0.85), (-0.68, -1.1), (0.68, -1.1), (0.7, -0.85)]), GOLD)
    brush.shape(
        curve(
            [
                (-1.2, -0.95),
                (-0.6, -0.75),
                (0, -0.68),
                (0.6, -0.75),
                (1.2, -0.95),
                (0.6, -0.95),
                (0, -0.9),
                (-0.6, -0.95),
            ],
            closed=True,
        ),
        BLACK,
    )


def stocking_cap(brush: Brush) -> None:
    tail = [(-0.85, -0.75), (-0.7, -1.5), (0.1, -1.7), (0.85, -1.3), (0.85, -0.75)]
    brush.shape(curve(tail), GOLD)
    brush.shape(
        curve(
            [
                (-0.75, -1.2),
                (-0.95, -0.6),
                (-1.45, -0.15),
                (-1.3, -0.95),
                (-0.8, -1.55),
                (-0.2, -1.66),
            ],
            closed=True,
        ),
        GOLD,
    )
    brush.shape(ellipse(-1.4, -0.1, 0.2), RED)
    for x in (-0.3, 0.25):
        brush.stroke(curve([(x, -0.85), (x * 0.9, -1.3), (x * 0.6 - 0.1, -1.6)]), RED, 1.5)
    _band(brush, RED, 0.24)
