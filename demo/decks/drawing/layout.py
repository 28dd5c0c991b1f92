"""The places of the pips on the number cards of both decks."""

from __future__ import annotations

from collections.abc import Callable

from .brush import Brush

Pip = Callable[[Brush, str], None]
Row = tuple[float, ...]

ALL_THREE: Row = (-1.0, 0.0, 1.0)
ALL_FOUR: Row = (-1.0, -1 / 3, 1 / 3, 1.0)

# By rank: rows in the two outer columns, and rows in the middle column; from -1 at the top to 1 at
# the bottom.
PIP_ROWS: dict[str, tuple[Row, Row]] = {
    "2": ((), (-1.0, 1.0)),
    "3": ((), ALL_THREE),
    "4": ((-1.0, 1.0), ()),
    "5": ((-1.0, 1.0), (0.0,)),
    "6": (ALL_THREE, ()),
    "7": (ALL_THREE, (-0.5,)),
    "8": (ALL_THREE, (-0.5, 0.5)),
    "9": (ALL_FOUR, (0.0,)),
    "10": (ALL_FOUR, (-2 / 3, 2 / 3)),
}


def draw_pips(
    brush: Brush, pip: Pip, suit: str, rank: str, measures: tuple[float, float, float]
) -> None:
    """Draw the pips of a number card around its centre.

    The measures are the distances of the outer columns and rows from the centre, and the size.
    """
    column, row, size = measures
    outer, middle = PIP_ROWS[rank]
    places = [(0.0, y) for y in middle] + [(x, y) for y in outer for x in (-column, column)]
    for x, y in places:
        pip(brush.moved(x, y * row, size, angle=180 if y > 0 else 0), suit)
