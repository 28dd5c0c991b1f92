"""A supersampled drawing surface on top of Pillow.

Every shape of the demo decks is a list of points in local coordinates, x to the right and y
down. A brush maps them to the pixels of an enlarged image by an affine matrix; brushes derived
from it with `moved` draw a head, a pip or a sword in coordinates of its own, at any place, size
and angle, mirrored or not. Line widths alone are always in pixels of the finished card, so that
outlines look equally heavy on a small flower and on a large coat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from .curves import Point, Points

Colour = str
Matrix = tuple[float, float, float, float, float, float]
Fabric = Callable[["Brush"], None]


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
        """Return a brush on a new card, of ``scale`` pixels per pixel of the finished one."""
        image = Image.new("RGB", (width * scale, height * scale), ground)
        return cls(image, scale, (scale, 0, 0, 0, scale, 0))

    def moved(
        self, x: float, y: float, unit: float = 1, *, angle: float = 0, mirrored: bool = False
    ) -> Brush:
        """Return a brush whose origin, unit length and axes are given in those of this one."""
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
        """Return a brush with another colour and width of outlines."""
        return replace(self, ink=ink, nib=nib)

    def on(self, image: Image.Image) -> Brush:
        """Return a brush that draws on another image."""
        return replace(self, image=image)

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill an area with a colour."""
        ImageDraw.Draw(self.image).polygon(self._pixels(points), fill=colour)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill an area and outline it in ink."""
        self.fill(points, colour)
        self.outline(points)

    def outline(self, points: Sequence[Point]) -> None:
        """Draw the closed line through the points in ink."""
        self.stroke([*points, points[0]], self.ink, self.nib)

    def stroke(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line with round ends; the width is in pixels of the finished card."""
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
        """Return an image that is white inside an area and black elsewhere."""
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon(self._pixels(points), fill=255)
        return mask

    def _pixels(self, points: Sequence[Point]) -> Points:
        a, b, c, d, e, f = self.matrix
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]
