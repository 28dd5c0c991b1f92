"""Outlines: lists of points, x to the right and y down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]
Points = list[Point]
CURVE_STEPS = 10
ELLIPSE_STEPS = 80


def curve(points: Sequence[Point], *, closed: bool = False) -> Points:
    """Return a smooth line (Catmull-Rom spline) through the points.

    Corners come from joining several open curves end to end.
    """
    if closed:
        knots = [points[-1], *points, points[0], points[1]]
    else:
        knots = [points[0], *points, points[-1]]
    smooth = [
        _spline(knots[i : i + 4], step / CURVE_STEPS)
        for i in range(len(knots) - 3)
        for step in range(CURVE_STEPS)
    ]
    return smooth if closed else [*smooth, points[-1]]


def _spline(knots: Sequence[Point], t: float) -> Point:
    def axis(p0: float, p1: float, p2: float, p3: float) -> float:
        linear = (p2 - p0) * t
        square = (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        cube = (3 * p1 - p0 - 3 * p2 + p3) * t**3
        return p1 + (linear + square + cube) / 2

    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = knots
    return axis(x0, x1, x2, x3), axis(y0, y1, y2, y3)


def ellipse(x: float, y: float, rx: float, ry: float | None = None) -> Points:
    """Return an ellipse around a point, or a circle when one radius is given."""
    return arc(x, y, rx, rx if ry is None else ry, 0, 360)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Points:
    """Return part of an ellipse, from angle to angle; degrees, 0 is right, 90 is down."""
    steps = max(2, round(ELLIPSE_STEPS * abs(end - start) / 360))
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return an upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def rounded_box(left: float, top: float, right: float, bottom: float, radius: float) -> Points:
    """Return an upright rectangle with round corners."""
    corners = (
        (left + radius, top + radius, 180),
        (right - radius, top + radius, 270),
        (right - radius, bottom - radius, 0),
        (left + radius, bottom - radius, 90),
    )
    return [p for x, y, turn in corners for p in arc(x, y, radius, radius, turn, turn + 90)]


def flipped(points: Iterable[Point]) -> Points:
    """Mirror left to right, in reverse order so that outlines can be joined."""
    return [(-x, y) for x, y in points][::-1]


def symmetric(half: Points) -> Points:
    """Join a left half, from top to bottom, and its mirror image to an outline."""
    return [*half, *flipped(half)]
