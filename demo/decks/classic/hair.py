"""Hair of the classic court cards.

A style draws the mass on the left side of a head, from the temple downwards.
"""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import arc, box, curve, ellipse
from ..drawing.views import View
from .colours import RED

Hair = Callable[[Brush, Colour], None]


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
    """Draw the hair around the forehead, over the face."""
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
    """Draw the hair behind the face, on the sides that can be seen."""
    if view is View.PROFILE:
        brush.shape(ellipse(-0.2, -0.35, 0.72, 0.72), tint)
        style(brush.moved(0.12, 0), tint)
        return
    style(brush, tint)
    style(brush.moved(view.value * 0.3, 0, mirrored=True), tint)
