"""A supersampled drawing surface on top of Pillow.

Every shape of the demo decks is a list of points in local coordinates, x to the right and y
down. A brush maps them to the pixels of an enlarged image by an affine matrix; brushes derived
from it with `moved` draw a head, a pip or a sword in coordinates of its own, at any place, size
and angle, mirrored or not. Line widths alone are always in pixels of the finished card, so that
outlines look equally heavy on a small flower and on a large coat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

Point = tuple[float, float]
Points = list[Point]
Colour = str
Matrix = tuple[float, float, float, float, float, float]
Fabric = Callable[["Brush"], None]

CURVE_STEPS = 10
ELLIPSE_STEPS = 80


def curve(points: Sequence[Point], *, closed: bool = False) -> Points:
    """A smooth line (Catmull-Rom spline) through the points.

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
    return arc(x, y, rx, rx if ry is None else ry, 0, 360)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Points:
    """Part of an ellipse, from angle to angle; degrees, 0 is right, 90 is down."""
    steps = max(2, round(ELLIPSE_STEPS * abs(end - start) / 360))
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def box(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def rounded_box(left: float, top: float, right: float, bottom: float, radius: float) -> Points:
    corners = (
        (left + radius, top + radius, 180),
        (right - radius, top + radius, 270),
        (right - radius, bottom - radius, 0),
        (left + radius, bottom - radius, 90),
    )
    return [p for x, y, turn in corners for p in arc(x, y, radius, radius, turn, turn + 90)]


def flipped(points: Iterable[Point]) -> Points:
    """The mirror image left to right, in reverse order so that outlines can be joined."""
    return [(-x, y) for x, y in points][::-1]


def symmetric(half: Points) -> Points:
    """The outline made of a left half, from top to bottom, and its mirror image."""
    return [*half, *flipped(half)]


@dataclass(frozen=True)
class Brush:
    """Draws on `image`; `scale` is the number of its pixels per pixel of the finished card."""

    image: Image.Image
    scale: float
    matrix: Matrix
    ink: Colour = "black"
    nib: float = 0.8

    @classmethod
    def on_card(cls, width: int, height: int, scale: int, ground: Colour) -> Brush:
        image = Image.new("RGB", (width * scale, height * scale), ground)
        return cls(image, scale, (scale, 0, 0, 0, scale, 0))

    def moved(
        self, x: float, y: float, unit: float = 1, *, angle: float = 0, mirrored: bool = False
    ) -> Brush:
        """A brush whose origin, unit length and axes are given in those of this one."""
        a, b, c, d, e, f = self.matrix
        cos, sin = unit * math.cos(math.radians(angle)), unit * math.sin(math.radians(angle))
        flip = -1 if mirrored else 1
        matrix = (
            (a * cos + b * sin) * flip,
            b * cos - a * sin,
            a * x + b * y + c,
            (d * cos + e * sin) * flip,
            e * cos - d * sin,
            d * x + e * y + f,
        )
        return replace(self, matrix=matrix)

    def inked(self, ink: Colour, nib: float) -> Brush:
        return replace(self, ink=ink, nib=nib)

    def on(self, image: Image.Image) -> Brush:
        return replace(self, image=image)

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        ImageDraw.Draw(self.image).polygon(self._pixels(points), fill=colour)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled area with an outline in ink."""
        self.fill(points, colour)
        self.outline(points)

    def outline(self, points: Sequence[Point]) -> None:
        self.stroke([*points, points[0]], self.ink, self.nib)

    def stroke(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line with round ends; the width is in pixels of the finished card."""
        pixels = self._pixels(points)
        pen = max(1, round(width * self.scale))
        draw = ImageDraw.Draw(self.image)
        draw.line(pixels, fill=colour, width=pen, joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=colour)

    def cover(self, points: Sequence[Point], fabric: Fabric, *, edge: bool = True) -> None:
        """Fill an area with a fabric, which is painted in the coordinates of the whole card."""
        cloth = self.image.copy()
        fabric(replace(self, image=cloth, matrix=(self.scale, 0, 0, 0, self.scale, 0)))
        self.image.paste(cloth, mask=self.mask(points))
        if edge:
            self.outline(points)

    def mask(self, points: Sequence[Point]) -> Image.Image:
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon(self._pixels(points), fill=255)
        return mask

    def _pixels(self, points: Sequence[Point]) -> Points:
        a, b, c, d, e, f = self.matrix
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]
