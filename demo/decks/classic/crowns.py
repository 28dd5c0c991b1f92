"""Crowns of the classic kings; they sit on the line y = -0.7."""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.brush import Brush, Colour
from ..drawing.curves import Points, curve, ellipse
from .colours import BLACK, BLUE, GOLD, RED, WHITE

Headdress = Callable[[Brush], None]


def band(brush: Brush, tint: Colour, height: float = 0.3) -> None:
    """Draw the lower edge of a headdress, around the forehead."""
    lower = curve([(-0.84, -0.72), (0, -0.6), (0.84, -0.72)])
    upper = curve([(0.88, -0.72 - height), (0, -0.6 - height), (-0.88, -0.72 - height)])
    brush.shape([*lower, *upper], tint)


def arched_crown(brush: Brush) -> None:
    brush.shape(curve([(-0.85, -0.9), (-0.95, -1.5), (0, -1.75), (0.95, -1.5), (0.85, -0.9)]), RED)
    for x in (-0.95, -0.45, 0, 0.45, 0.95):
        brush.stroke(curve([(x * 0.85, -0.95), (x * 1.1, -1.35), (0, -1.78)]), brush.ink, 2.4)
        brush.stroke(curve([(x * 0.85, -0.95), (x * 1.1, -1.35), (0, -1.78)]), GOLD, 1.3)
    band(brush, GOLD)
    for x, tint in ((-0.5, BLUE), (0, RED), (0.5, BLUE)):
        brush.fill(ellipse(x, -0.8 + 0.08 * (x == 0), 0.11), tint)
    brush.shape(ellipse(0, -1.84, 0.16), GOLD)


def pointed_crown(brush: Brush) -> None:
    points: Points = [(-0.86, -0.85)]
    for x, top in ((-0.9, -1.6), (-0.45, -1.75), (0, -1.85), (0.45, -1.75), (0.9, -1.6)):
        points += [(x * 1.08, top), (x + 0.225, -1.15)]
    brush.shape([*points[:-1], (0.86, -0.85)], GOLD)
    for x, top in ((-0.97, -1.62), (-0.49, -1.77), (0, -1.87), (0.49, -1.77), (0.97, -1.62)):
        brush.shape(ellipse(x, top, 0.13), RED)
    band(brush, RED, 0.26)
    for x in (-0.6, -0.3, 0, 0.3, 0.6):
        brush.fill(ellipse(x, -0.8 + 0.04 * (abs(x) < 0.5), 0.08), WHITE)


def lily_crown(brush: Brush) -> None:
    brush.shape(curve([(-0.8, -0.9), (-0.6, -1.45), (0, -1.55), (0.6, -1.45), (0.8, -0.9)]), BLUE)
    for x, lean in ((-0.78, -16), (0, 0), (0.78, 16)):
        lily = brush.moved(x, -1.0, angle=lean)
        lily.shape(curve([(-0.1, 0.1), (-0.12, -0.2), (-0.42, -0.35), (-0.3, 0.05)]), GOLD)
        lily.shape(curve([(0.1, 0.1), (0.12, -0.2), (0.42, -0.35), (0.3, 0.05)]), GOLD)
        lily.shape(
            [
                *curve([(-0.14, 0.1), (-0.2, -0.35), (0, -0.85)]),
                *curve([(0, -0.85), (0.2, -0.35), (0.14, 0.1)]),
            ],
            GOLD,
        )
    band(brush, GOLD, 0.34)
    for x in (-0.55, -0.18, 0.18, 0.55):
        brush.fill([(x, -0.93), (x + 0.1, -0.8), (x, -0.67), (x - 0.1, -0.8)], RED)


def turban_crown(brush: Brush) -> None:
    brush.shape(curve([(-0.9, -0.95), (-0.5, -1.5), (0, -1.9), (0.5, -1.5), (0.9, -0.95)]), BLACK)
    for x in (-0.6, 0.0, 0.6):
        brush.shape([(x - 0.32, -0.9), (x, -1.55), (x + 0.32, -0.9)], GOLD)
        brush.fill(ellipse(x, -1.08, 0.1), BLUE)
    brush.shape(
        curve(
            [
                (-0.95, -0.8),
                (-0.6, -1.05),
                (0, -1.0),
                (0.6, -1.05),
                (0.95, -0.8),
                (0.5, -0.62),
                (0, -0.56),
                (-0.5, -0.62),
            ],
            closed=True,
        ),
        WHITE,
    )
    for x in (-0.7, -0.42, -0.14, 0.14, 0.42, 0.7):
        brush.fill(ellipse(x, -0.8, 0.06, 0.1), BLACK)
    brush.shape(ellipse(0, -1.9, 0.15), RED)
