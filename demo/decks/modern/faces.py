"""Faces of the modern court cards: plain areas of colour, one half in the shade.

Coordinates of all parts of a head are those of one that looks to the right: the origin is between
the eyes, a unit is half the height of the face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..drawing.brush import Brush, Colour
from ..drawing.curves import Points, arc, ellipse
from ..drawing.views import View
from .colours import BRICK, CREAM, NIGHT


@dataclass(frozen=True)
class Skin:
    """The two tones of a skin."""

    light: Colour
    shade: Colour


PALE = Skin("#fbd9bd", "#eab390")
TAN = Skin("#e5ab7b", "#c88a5c")
DARK = Skin("#a8704d", "#875437")
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
    """Outline the part of an open face that lies to the right of an upright line."""
    turn = math.degrees(math.acos(left / JAW))
    return [(left, -0.95), (JAW, -0.95), *arc(0, 0.22, JAW, 0.8, 0, turn)]


def face(brush: Brush, view: View, skin: Skin) -> None:
    """Draw a face as it looks from this side, one half in the shade."""
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
