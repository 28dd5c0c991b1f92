"""Faces of the classic court cards.

Coordinates of all parts of a head are those of one that looks to the right: the origin is between
the eyes, a unit is half the height of the face.
"""

from __future__ import annotations

from ..drawing.brush import Brush
from ..drawing.curves import arc, curve, ellipse, symmetric
from ..drawing.views import View
from .colours import BLACK, BLUSH, LIPS, SKIN, WHITE

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
    """Draw a face as it looks from this side."""
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
