"""Muted poster colours on cream; most come as a light and a dark tone."""

from __future__ import annotations

from ..drawing.brush import Colour

CREAM: Colour = "#f8eedb"
TEAL: Colour = "#1f9193"
PETROL: Colour = "#125a66"
SAGE: Colour = "#a5cdb6"
MUSTARD: Colour = "#f4bd45"
OCHRE: Colour = "#c98a1e"
ORANGE: Colour = "#f08a3c"
BRICK: Colour = "#d8472f"
ROSE: Colour = "#f2aa9a"
PLUM: Colour = "#7a3468"
LILAC: Colour = "#b9a3cf"
NIGHT: Colour = "#251c38"
CHESTNUT: Colour = "#8a4526"
SAND: Colour = "#e3b54f"
SMOKE: Colour = "#8f8ca3"

SUIT_RED = ("#e4512f", "#c23a26")
SUIT_BLACK = ("#3c3352", "#251c38")
SUIT_COLOURS: dict[str, tuple[Colour, Colour]] = {
    "clubs": SUIT_BLACK,
    "diamonds": SUIT_RED,
    "hearts": SUIT_RED,
    "spades": SUIT_BLACK,
}
