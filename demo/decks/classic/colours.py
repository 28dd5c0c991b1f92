"""The few strong colours of a woodcut coloured through stencils."""

from __future__ import annotations

from ..drawing.brush import Colour

RED: Colour = "#c8202b"
BLUE: Colour = "#27489c"
GOLD: Colour = "#f7c234"
GREEN: Colour = "#2f7d4f"
BLACK: Colour = "#1b1b24"
WHITE: Colour = "#fffdf5"
AMBER: Colour = "#d98e1b"
STEEL: Colour = "#c9d3de"
GLASS: Colour = "#a9cfe6"
SKIN: Colour = "#fbdcb8"
BLUSH: Colour = "#f4b49a"
LIPS: Colour = "#c2272d"
FLAXEN: Colour = "#f0cf6b"
AUBURN: Colour = "#b4471f"
BROWN: Colour = "#6b3f22"
SILVER: Colour = "#c3c6cf"
RAVEN: Colour = "#3d3d52"

SUIT_RED = "#cc1f2d"
SUIT_BLACK = "#16161c"
SUIT_COLOURS: dict[str, Colour] = {
    "clubs": SUIT_BLACK,
    "diamonds": SUIT_RED,
    "hearts": SUIT_RED,
    "spades": SUIT_BLACK,
}
