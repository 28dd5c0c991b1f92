"""Two decks of playing cards, drawn by program.

Coordinates are pixels of the finished card. The drawing itself happens on an image several times
as large, which is then scaled down, so that all edges are smooth. A card turned upside down is the
same card, but for single pips that stand upright on the middle line or above it, as on printed
cards.
"""

from __future__ import annotations

from PIL import Image

from . import classic, modern
from .drawing.cards import RANKS, SUITS

__all__ = ["DECKS", "RANKS", "SUITS", "draw_card"]

DECKS = {"classic": classic.draw_card, "modern": modern.draw_card}


def draw_card(deck: str, suit: str, rank: str) -> Image.Image:
    """Draw one card in its final size."""
    return DECKS[deck](suit, rank)
