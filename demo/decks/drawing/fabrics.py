"""Patterned fabrics: functions that cover the whole card, in pixels of the card."""

from __future__ import annotations

from collections.abc import Iterator

from .brush import Brush, Colour, Fabric
from .curves import Point, box, ellipse

REACH = 240.0


def _grid(pitch: float, row_pitch: float) -> Iterator[Point]:
    """Yield places in rows, every other row moved by half a step."""
    for row in range(int(REACH / row_pitch)):
        for column in range(int(REACH / pitch)):
            yield (column + (row % 2) / 2) * pitch, row * row_pitch


def _ground(brush: Brush, colour: Colour) -> None:
    brush.fill(box(-REACH, -REACH, REACH, REACH), colour)


def plain(ground: Colour) -> Fabric:
    def paint(brush: Brush) -> None:
        _ground(brush, ground)

    return paint


def stripes(ground: Colour, ink: Colour, pitch: float, angle: float = 0) -> Fabric:
    """Return bars as wide as the gaps; upright, or leaning by the angle."""

    def paint(brush: Brush) -> None:
        _ground(brush, ground)
        leaning = brush.moved(0, 0, angle=angle)
        for i in range(int(-REACH / pitch), int(REACH / pitch)):
            leaning.fill(box(i * pitch, -REACH, (i + 0.5) * pitch, REACH), ink)

    return paint


def dots(ground: Colour, ink: Colour, pitch: float, size: float = 0.27) -> Fabric:
    def paint(brush: Brush) -> None:
        _ground(brush, ground)
        for x, y in _grid(pitch, pitch * 0.7):
            brush.fill(ellipse(x, y, pitch * size), ink)

    return paint


def lozenges(ground: Colour, ink: Colour, pitch: float) -> Fabric:
    def paint(brush: Brush) -> None:
        _ground(brush, ground)
        rx, ry = pitch * 0.36, pitch * 0.56
        for x, y in _grid(pitch, pitch * 0.8):
            rhomb = [(x - rx, y), (x, y - ry), (x + rx, y), (x, y + ry)]
            brush.fill(rhomb, ink)

    return paint


def checks(ground: Colour, ink: Colour, pitch: float) -> Fabric:
    def paint(brush: Brush) -> None:
        _ground(brush, ground)
        for x, y in _grid(pitch, pitch / 2):
            brush.fill(box(x, y, x + pitch / 2, y + pitch / 2), ink)

    return paint


def chevrons(ground: Colour, ink: Colour, pitch: float, *, middle: float) -> Fabric:
    """Return angles that point down, with their tips on the upright line x = middle."""

    def paint(brush: Brush) -> None:
        _ground(brush, ground)
        for i in range(-20, int(REACH / pitch)):
            y = i * pitch
            arms = [(middle - REACH, y - REACH), (middle, y), (middle + REACH, y - REACH)]
            lower = [(x, y + pitch / 2) for x, y in arms[::-1]]
            brush.fill([*arms, *lower], ink)

    return paint


def ermine(ground: Colour, ink: Colour, pitch: float) -> Fabric:
    def paint(brush: Brush) -> None:
        _ground(brush, ground)
        for x, y in _grid(pitch, pitch * 0.75):
            brush.fill(
                [
                    (x, y - 0.3 * pitch),
                    (x + 0.2 * pitch, y + 0.3 * pitch),
                    (x, y + 0.16 * pitch),
                    (x - 0.2 * pitch, y + 0.3 * pitch),
                ],
                ink,
            )

    return paint
