"""The suit signs of both decks.

A pip lies in a box of side 1 around the origin. The classic signs have the swelling curves of
engraved cards; the modern ones are built of circles and straight lines and folded along the
middle into a light and a dark half.
"""

from __future__ import annotations

from collections.abc import Callable

from brush import Brush, Colour, Points, arc, curve, ellipse, flipped, symmetric

Pip = Callable[[Brush, str], None]

CLASSIC_RED = "#cc1f2d"
CLASSIC_BLACK = "#16161c"
CLASSIC_COLOURS: dict[str, Colour] = {
    "clubs": CLASSIC_BLACK,
    "diamonds": CLASSIC_RED,
    "hearts": CLASSIC_RED,
    "spades": CLASSIC_BLACK,
}

MODERN_RED = ("#e4512f", "#c23a26")
MODERN_BLACK = ("#3c3352", "#251c38")
MODERN_COLOURS: dict[str, tuple[Colour, Colour]] = {
    "clubs": MODERN_BLACK,
    "diamonds": MODERN_RED,
    "hearts": MODERN_RED,
    "spades": MODERN_BLACK,
}


def _classic_heart() -> list[Points]:
    lobe = [(0, -0.27), (-0.11, -0.42), (-0.27, -0.47), (-0.43, -0.38), (-0.47, -0.17)]
    return [symmetric(curve([*lobe, (-0.36, 0.07), (-0.17, 0.27), (0, 0.5)]))]


def _classic_diamond() -> list[Points]:
    side = curve([(0, -0.52), (-0.18, -0.23), (-0.41, 0)])
    return [[*symmetric(side), *((x, -y) for x, y in symmetric(side)[::-1])]]


def _flared_stem(top: float, foot: float) -> Points:
    return symmetric([*curve([(-0.03, top), (-0.06, 0.28), (-foot, 0.5)]), (0, 0.5)])


def _classic_spade() -> list[Points]:
    blade = [(0, -0.52), (-0.15, -0.27), (-0.37, -0.04), (-0.46, 0.15), (-0.38, 0.31)]
    return [
        symmetric(curve([*blade, (-0.22, 0.32), (0, 0.13)])),
        _flared_stem(0, 0.2),
    ]


def _classic_club() -> list[Points]:
    return [
        ellipse(0, -0.28, 0.225),
        ellipse(-0.265, 0.1, 0.225),
        ellipse(0.265, 0.1, 0.225),
        symmetric([(0, -0.2), (-0.12, -0.05), (-0.2, 0.12), (0, 0.12)]),
        _flared_stem(0, 0.2),
    ]


CLASSIC_SHAPES = {
    "clubs": _classic_club(),
    "diamonds": _classic_diamond(),
    "hearts": _classic_heart(),
    "spades": _classic_spade(),
}


def classic_pip(brush: Brush, suit: str) -> None:
    for shape in CLASSIC_SHAPES[suit]:
        brush.fill(shape, CLASSIC_COLOURS[suit])


def _modern_heart() -> list[Points]:
    return [[*arc(-0.235, -0.2, 0.25, 0.25, -20, -220), (0, 0.47)]]


def _modern_diamond() -> list[Points]:
    return [[(0, -0.5), (-0.37, 0), (0, 0.5)]]


def _modern_spade() -> list[Points]:
    blade = [(0, -0.5), *arc(-0.22, 0.12, 0.24, 0.24, 221, 23)]
    return [blade, [(0, 0.1), (-0.2, 0.5), (0, 0.5)]]


def _modern_club() -> list[Points]:
    return [
        [(0, -0.5), *arc(0, -0.25, 0.24, 0.24, 270, 90), (0, 0)],
        ellipse(-0.25, 0.12, 0.24),
        [(0, -0.15), (-0.22, 0.1), (0, 0.2)],
        [(0, 0.05), (-0.2, 0.5), (0, 0.5)],
    ]


MODERN_HALVES = {
    "clubs": _modern_club(),
    "diamonds": _modern_diamond(),
    "hearts": _modern_heart(),
    "spades": _modern_spade(),
}


def modern_pip(brush: Brush, suit: str) -> None:
    light, dark = MODERN_COLOURS[suit]
    for half in MODERN_HALVES[suit]:
        brush.fill(half, light)
        brush.fill(flipped(half), dark)
