"""The letters and digits in the corners of the classic cards, as strokes.

Slender letters with serifs, drawn as thick and thin strokes in a box 0.6 wide and 1 high.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..drawing.curves import Points, curve, ellipse

THICK, THIN = 0.155, 0.07


@dataclass(frozen=True)
class Stroke:
    """A line of a letter; points and width in heights of the letter."""

    points: Points
    width: float = THICK


def _line(*points: tuple[float, float], width: float = THICK) -> Stroke:
    return Stroke(list(points), width)


def _bow(*points: tuple[float, float]) -> Stroke:
    return Stroke(curve(points))


def _serif(x: float, y: float, reach: float = 0.14) -> Stroke:
    return _line((x - reach, y), (x + reach, y), width=THIN)


SIX = ((0.5, 0.14), (0.36, 0.01), (0.17, 0.13), (0.06, 0.5), (0.12, 0.87), (0.3, 1))
SIX_BOWL = ((0.3, 1), (0.5, 0.88), (0.54, 0.67), (0.41, 0.48), (0.22, 0.5), (0.09, 0.7))
GLYPHS: dict[str, list[Stroke]] = {
    "A": [
        _line((0.02, 1), (0.3, 0), width=THIN * 1.4),
        _line((0.3, 0), (0.57, 1)),
        _line((0.12, 0.67), (0.46, 0.67), width=THIN),
        _serif(0.02, 1),
        _serif(0.57, 1),
    ],
    "2": [
        _bow((0.08, 0.25), (0.14, 0.06), (0.32, 0), (0.5, 0.11), (0.5, 0.33), (0.3, 0.64)),
        _line((0.3, 0.64), (0.06, 0.95), (0.55, 0.95)),
        _line((0.55, 0.95), (0.57, 0.78), width=THIN),
    ],
    "3": [
        _bow((0.07, 0.18), (0.18, 0.02), (0.36, 0), (0.5, 0.14), (0.46, 0.36), (0.26, 0.46)),
        _bow((0.26, 0.46), (0.48, 0.54), (0.55, 0.75), (0.42, 0.96), (0.2, 1), (0.05, 0.84)),
    ],
    "4": [
        _line((0.42, 1), (0.42, 0)),
        _line((0.42, 0), (0.02, 0.7), (0.6, 0.7), width=THIN * 1.2),
        _serif(0.42, 1),
    ],
    "5": [
        _line((0.13, 0.03), (0.5, 0.03)),
        _line((0.13, 0.03), (0.1, 0.45), width=THIN * 1.2),
        _bow((0.1, 0.45), (0.3, 0.37), (0.5, 0.47), (0.55, 0.7), (0.42, 0.94), (0.2, 1)),
        _bow((0.42, 0.94), (0.2, 1), (0.05, 0.86)),
    ],
    "6": [_bow(*SIX), _bow(*SIX_BOWL)],
    "7": [
        _line((0.05, 0.04), (0.56, 0.04)),
        _bow((0.56, 0.04), (0.36, 0.45), (0.24, 1)),
        _line((0.05, 0.04), (0.04, 0.22), width=THIN),
    ],
    "8": [Stroke(ellipse(0.3, 0.24, 0.2, 0.23)), Stroke(ellipse(0.3, 0.73, 0.25, 0.27))],
    "9": [Stroke([(0.6 - x, 1 - y) for x, y in curve(bow)]) for bow in (SIX, SIX_BOWL)],
    "1": [
        _line((0.34, 0), (0.34, 1)),
        _line((0.34, 0.02), (0.16, 0.18), width=THIN * 1.3),
        _serif(0.34, 1, 0.18),
    ],
    "0": [Stroke(ellipse(0.3, 0.5, 0.23, 0.5))],
    "J": [
        Stroke([(0.4, 0), *curve([(0.4, 0.6), (0.37, 0.9), (0.2, 1.02), (0.03, 0.86)])]),
        _serif(0.38, 0, 0.18),
    ],
    "Q": [Stroke(ellipse(0.3, 0.5, 0.3, 0.5)), _line((0.3, 0.74), (0.62, 1.08))],
    "K": [
        _line((0.1, 0), (0.1, 1)),
        _line((0.54, 0), (0.12, 0.6), width=THIN * 1.3),
        _line((0.25, 0.44), (0.58, 1)),
        _serif(0.1, 0),
        _serif(0.1, 1),
        _serif(0.54, 0, 0.12),
        _serif(0.58, 1, 0.12),
    ],
}
