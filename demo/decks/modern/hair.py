"""Hair of the modern court cards, drawn behind the face."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import Points, box, curve, ellipse, rounded_box, symmetric
from ..drawing.views import View
from .colours import BRICK

Hair = Callable[[Brush, Colour, View], None]


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
    """Draw a stair-shaped cut, widening downwards."""
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
    """Draw a plait that hangs to one side."""
    _cap(brush, tint, view)
    for i in range(4):
        brush.fill(ellipse(-0.95 - 0.08 * i, 0.05 + 0.4 * i, 0.38, 0.26), tint)
        brush.fill(ellipse(-0.99 - 0.08 * i, 0.25 + 0.4 * i, 0.22, 0.1), BRICK)


def fringe(brush: Brush, tint: Colour, view: View) -> None:
    """Draw the hair around the forehead, over the face."""
    if view is View.PROFILE:
        brush.fill(
            [(-0.75, -1.0), (0.45, -1.0), (0.46, -0.66), (-0.05, -0.6), (-0.2, 0.3), (-0.75, 0.2)],
            tint,
        )
        return
    parting = view.value
    brush.fill([(-0.76, -1.0), (0.76, -1.0), (0.76, -0.35), (parting, -0.72), (-0.76, -0.3)], tint)
