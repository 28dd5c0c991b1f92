"""Beards of the classic court cards."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import Points, curve, ellipse, symmetric
from ..drawing.views import View
from .colours import LIPS

Beard = Callable[[Brush, Colour, View], None]


def _whiskers(brush: Brush, half: Points, side: Points, tint: Colour, view: View) -> None:
    """Draw a beard from the outline of its left half, or of its side view."""
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
