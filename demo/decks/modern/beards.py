"""Beards of the modern court cards."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import arc
from ..drawing.views import View
from .colours import BRICK

Beard = Callable[[Brush, Colour, View], None]


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
