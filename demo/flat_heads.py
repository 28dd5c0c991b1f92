"""Heads of the flat court cards: plain areas of colour, one half of the face in the shade.

Coordinates are those of a head looking to the right: the origin is between the eyes, a unit is
half the height of the face.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from brush import Brush, Colour, Points, arc, box, curve, ellipse, rounded_box, symmetric
from colours import BRICK, CREAM, MUSTARD, NIGHT, OCHRE, ORANGE, PETROL, PLUM, ROSE, TEAL
from poses import View


@dataclass(frozen=True)
class Skin:
    light: Colour
    shade: Colour


PALE = Skin("#fbd9bd", "#eab390")
TAN = Skin("#e5ab7b", "#c88a5c")
DARK = Skin("#a8704d", "#875437")

Hair = Callable[[Brush, Colour, View], None]
Beard = Callable[[Brush, Colour, View], None]
Headdress = Callable[[Brush], None]

JAW = 0.74
PROFILE_FACE: Points = [
    (-0.55, -0.95),
    (0.42, -0.95),
    (0.5, -0.25),
    (0.94, 0.3),
    (0.58, 0.36),
    (0.72, 0.5),
    (0.58, 0.59),
    (0.69, 0.7),
    (0.54, 0.78),
    (0.58, 1.0),
    (0.1, 1.02),
    (-0.55, 0.5),
]


def _face_from(left: float) -> Points:
    """The part of an open face that lies to the right of an upright line."""
    turn = math.degrees(math.acos(left / JAW))
    return [(left, -0.95), (JAW, -0.95), *arc(0, 0.22, JAW, 0.8, 0, turn)]


def face(brush: Brush, view: View, skin: Skin) -> None:
    if view is View.PROFILE:
        _profile(brush, skin)
        return
    brush.fill(_face_from(-JAW), skin.light)
    middle = view.value
    brush.fill(_face_from(middle), skin.shade)
    far = 1 - middle
    for x in (middle - 0.36, middle + 0.34 * far):
        brush.fill(
            [*arc(x, 0.02, 0.2 * far, 0.15, 180, 360), *arc(x, 0, 0.2 * far, 0.1, 0, 180)], CREAM
        )
        brush.fill(ellipse(x + middle * 0.2, -0.02, 0.12, 0.14), NIGHT)
        brush.stroke([(x - 0.2, -0.3), (x + 0.2 * far, -0.3)], NIGHT, 0.8)
    brush.fill([(middle, -0.15), (middle - 0.16, 0.36), (middle + 0.1, 0.36)], skin.shade)
    brush.fill([(middle, -0.15), (middle + 0.2, 0.36), (middle, 0.36)], skin.light)
    brush.fill([*arc(middle, 0.6, 0.24 * far, 0.14, 0, 180)], BRICK)


def _profile(brush: Brush, skin: Skin) -> None:
    brush.fill(PROFILE_FACE, skin.light)
    brush.fill(
        [(-0.55, -0.95), (0.0, -0.95), (0.0, 0.45), (0.35, 1.02), (0.1, 1.02), (-0.55, 0.5)],
        skin.shade,
    )
    brush.fill([(0.16, 0.02), (0.44, -0.18), (0.44, 0.1)], CREAM)
    brush.fill(ellipse(0.36, -0.03, 0.1, 0.13), NIGHT)
    brush.stroke([(0.12, -0.3), (0.48, -0.36)], NIGHT, 0.8)
    brush.fill([(0.34, 0.6), (0.7, 0.47), (0.6, 0.59), (0.68, 0.7)], BRICK)


# Hair, drawn behind the face.


def _cap(brush: Brush, tint: Colour, view: View) -> None:
    back = -0.25 if view is View.PROFILE else 0
    brush.fill(ellipse(back, -0.35, 0.82, 0.85), tint)


def bob(brush: Brush, tint: Colour, view: View) -> None:
    _cap(brush, tint, view)
    right = 0.1 if view is View.PROFILE else 1.05
    brush.fill(rounded_box(-1.05, -1.0, right, 0.85, 0.3), tint)


def bell(brush: Brush, tint: Colour, view: View) -> None:
    _cap(brush, tint, view)
    half = [*curve([(-0.1, -1.15), (-0.9, -0.8), (-1.05, 0.3), (-1.5, 1.35)]), (-0.1, 1.35)]
    brush.fill(half if view is View.PROFILE else symmetric(half), tint)


def cloud(brush: Brush, tint: Colour, view: View) -> None:
    places = [(-0.75, -0.75), (-1.02, -0.2), (-1.0, 0.4), (-0.7, 0.85)]
    for x, y in places:
        brush.fill(ellipse(x, y, 0.46), tint)
        if view is not View.PROFILE:
            brush.fill(ellipse(-x, y, 0.46), tint)
    brush.fill(ellipse(-0.1, -0.6, 0.85, 0.7), tint)


def bun(brush: Brush, tint: Colour, view: View) -> None:
    _cap(brush, tint, view)
    if view is View.PROFILE:
        brush.fill(ellipse(-1.2, 0.05, 0.52), tint)
        return
    for x in (-1.08, 1.08):
        brush.fill(ellipse(x, 0.2, 0.44), tint)


def steps(brush: Brush, tint: Colour, view: View) -> None:
    """A stair-shaped cut, widening downwards."""
    _cap(brush, tint, view)
    half: Points = [
        (-0.1, -1.1),
        (-0.9, -1.1),
        (-0.9, -0.2),
        (-1.12, -0.2),
        (-1.12, 0.45),
        (-1.34, 0.45),
        (-1.34, 1.1),
        (-0.1, 1.1),
    ]
    brush.fill(half if view is View.PROFILE else symmetric(half), tint)


def cropped(brush: Brush, tint: Colour, view: View) -> None:
    _cap(brush, tint, view)
    right = -0.1 if view is View.PROFILE else 0.84
    brush.fill(box(-0.84, -0.7, right, 0.2), tint)


def tail(brush: Brush, tint: Colour, view: View) -> None:
    """A plait that hangs to one side."""
    _cap(brush, tint, view)
    for i in range(4):
        brush.fill(ellipse(-0.95 - 0.08 * i, 0.05 + 0.4 * i, 0.38, 0.26), tint)
        brush.fill(ellipse(-0.99 - 0.08 * i, 0.25 + 0.4 * i, 0.22, 0.1), BRICK)


def fringe(brush: Brush, tint: Colour, view: View) -> None:
    if view is View.PROFILE:
        brush.fill(
            [(-0.75, -1.0), (0.45, -1.0), (0.46, -0.66), (-0.05, -0.6), (-0.2, 0.3), (-0.75, 0.2)],
            tint,
        )
        return
    parting = view.value
    brush.fill([(-0.76, -1.0), (0.76, -1.0), (0.76, -0.35), (parting, -0.72), (-0.76, -0.3)], tint)


# Beards.


def block_beard(brush: Brush, tint: Colour, view: View) -> None:
    if view is View.PROFILE:
        brush.fill(
            [
                (-0.5, 0.2),
                (-0.1, 0.3),
                (0.1, 0.5),
                (0.75, 0.42),
                (0.62, 0.8),
                (0.72, 1.45),
                (-0.2, 1.45),
            ],
            tint,
        )
        brush.fill([(0.4, 0.64), (0.68, 0.58), (0.66, 0.74)], BRICK)
        return
    side = view.value
    brush.fill(
        [
            (-0.78, 0.1),
            (-0.5, 0.3),
            (side - 0.3, 0.44),
            (side + 0.3, 0.44),
            (0.55 + side * 0.6, 0.3),
            (0.78, 0.1),
            (0.7, 1.45),
            (-0.6, 1.45),
        ],
        tint,
    )
    brush.fill(arc(side, 0.6, 0.22, 0.14, 0, 180), BRICK)


def wedge_beard(brush: Brush, tint: Colour, view: View) -> None:
    if view is View.PROFILE:
        brush.fill(
            [
                (-0.5, 0.15),
                (-0.1, 0.35),
                (0.2, 0.56),
                (0.75, 0.42),
                (0.62, 0.72),
                (0.9, 1.7),
                (-0.1, 0.95),
            ],
            tint,
        )
        brush.fill([(0.4, 0.64), (0.68, 0.58), (0.66, 0.74)], BRICK)
        return
    side = view.value
    brush.fill([(-0.74, 0.25), (side, 0.5), (0.74, 0.25), (side * 1.2, 1.85)], tint)
    brush.fill(arc(side, 0.62, 0.22, 0.14, 0, 180), BRICK)


def round_beard(brush: Brush, tint: Colour, view: View) -> None:
    side = 0.15 if view is View.PROFILE else view.value * 0.5
    width = 0.62 if view is View.PROFILE else 0.84
    brush.fill([*arc(side, 0.4, width, 1.0, 0, 180), (side - 0.2, 0.5), (side + 0.2, 0.5)], tint)
    mouth = side + (0.36 if view is View.PROFILE else side)
    brush.fill(arc(mouth, 0.64, 0.2, 0.14, 0, 180), BRICK)


def moustache(brush: Brush, tint: Colour, view: View) -> None:
    middle = 0.6 if view is View.PROFILE else view.value
    brush.fill([(middle, 0.36), (middle - 0.62, 0.68), (middle, 0.58)], tint)
    if view is not View.PROFILE:
        brush.fill([(middle, 0.36), (middle + 0.62, 0.68), (middle, 0.58)], tint)


# Headdresses; they sit on the line y = -0.75.


def zigzag_crown(brush: Brush) -> None:
    brush.fill(
        [
            (-0.9, -0.75),
            (-1.1, -1.85),
            (-0.5, -1.3),
            (0, -2.0),
            (0.5, -1.3),
            (1.1, -1.85),
            (0.9, -0.75),
        ],
        MUSTARD,
    )
    brush.fill([(0, -0.75), (0, -2.0), (0.5, -1.3), (1.1, -1.85), (0.9, -0.75)], OCHRE)
    brush.fill([(0, -1.35), (0.2, -1.08), (0, -0.82), (-0.2, -1.08)], BRICK)


def tower_crown(brush: Brush) -> None:
    for x in (-0.9, -0.25, 0.4):
        brush.fill(box(x, -1.9, x + 0.5, -0.75), MUSTARD)
    brush.fill(box(-0.9, -1.4, 0.9, -0.75), MUSTARD)
    brush.fill(box(-0.9, -1.06, 0.9, -0.75), TEAL)


def arch_crown(brush: Brush) -> None:
    for x, tint in ((-0.6, MUSTARD), (0.6, OCHRE), (0, BRICK)):
        brush.fill(
            [*arc(x, -1.25, 0.42, 0.62, 180, 360), (x + 0.42, -0.75), (x - 0.42, -0.75)], tint
        )
    brush.fill(box(-1.02, -1.02, 1.02, -0.75), NIGHT)
    for x in (-0.6, 0, 0.6):
        brush.fill(ellipse(x, -0.885, 0.11), MUSTARD)


def sun_crown(brush: Brush) -> None:
    for turn in (-72, -48, -24, 0, 24, 48, 72):
        ray = brush.moved(0, -0.72, angle=turn)
        ray.fill([(-0.24, -0.6), (0, -1.36), (0.24, -0.6)], ORANGE if turn % 48 else MUSTARD)
    brush.fill(arc(0, -0.72, 0.92, 0.72, 180, 360), MUSTARD)
    brush.fill(arc(0, -0.72, 0.55, 0.42, 180, 360), BRICK)


def fan_tiara(brush: Brush) -> None:
    for turn, tint in ((-60, TEAL), (-30, MUSTARD), (0, BRICK), (30, MUSTARD), (60, TEAL)):
        brush.moved(0, -0.7, angle=turn).fill(
            curve([(0, 0), (-0.22, -0.55), (0, -0.95), (0.22, -0.55)], closed=True), tint
        )


def pearl_tiara(brush: Brush) -> None:
    brush.fill(
        [(-0.85, -0.72), (0, -1.05), (0.85, -0.72), (0.85, -0.95), (0, -1.3), (-0.85, -0.95)],
        MUSTARD,
    )
    for x, y in ((-0.85, -1.1), (-0.43, -1.3), (0, -1.5), (0.43, -1.3), (0.85, -1.1)):
        brush.fill(ellipse(x, y, 0.19), ROSE)
        brush.fill(arc(x, y, 0.19, 0.19, -90, 90), BRICK)


def peak_tiara(brush: Brush) -> None:
    brush.fill([(-0.95, -0.7), (-0.3, -1.05), (0, -1.75), (0, -0.75)], MUSTARD)
    brush.fill([(0.95, -0.7), (0.3, -1.05), (0, -1.75), (0, -0.75)], OCHRE)
    brush.fill(ellipse(0, -1.02, 0.17), TEAL)


def crescent(brush: Brush) -> None:
    brush.fill([*arc(0, -1.4, 0.9, 0.7, 180, 0), *arc(0, -1.5, 0.62, 0.42, 0, 180)], CREAM)
    brush.fill(ellipse(0, -1.52, 0.26), BRICK)


def beret(brush: Brush) -> None:
    brush.moved(-0.15, -0.95, angle=-10).fill(ellipse(0, 0, 1.2, 0.52), BRICK)
    brush.fill(box(-0.82, -0.92, 0.82, -0.72), NIGHT)
    brush.stroke([(-0.1, -1.4), (0.0, -1.75)], NIGHT, 1)


def feathered_cone(brush: Brush) -> None:
    brush.fill([(-0.95, -0.72), (0.95, -0.72), (-0.35, -2.0)], TEAL)
    brush.fill([(0.1, -0.72), (0.95, -0.72), (-0.35, -2.0)], PETROL)
    brush.moved(0.5, -0.8, angle=42).fill(
        curve([(0, 0), (-0.2, -0.6), (0, -1.3), (0.2, -0.6)], closed=True), ORANGE
    )


def skullcap(brush: Brush) -> None:
    brush.fill(arc(0, -0.72, 0.98, 0.92, 180, 360), PLUM)
    brush.fill([(0, -0.72), *arc(0, -0.72, 0.98, 0.92, 270, 360)], NIGHT)
    brush.fill(box(-1.05, -0.95, 1.05, -0.68), MUSTARD)
    brush.fill(ellipse(0, -1.68, 0.22), MUSTARD)


def wide_hat(brush: Brush) -> None:
    brush.fill([*arc(0, -0.95, 0.72, 0.85, 180, 360)], NIGHT)
    brush.fill(box(-0.72, -1.15, 0.72, -0.9), ORANGE)
    brush.fill(rounded_box(-1.35, -0.95, 1.35, -0.7, 0.12), NIGHT)
