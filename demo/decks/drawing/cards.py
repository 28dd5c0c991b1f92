"""The names of the cards, and what every card has."""

from __future__ import annotations

from PIL import Image

from .brush import Brush

SUITS = ("clubs", "diamonds", "hearts", "spades")
RANKS = ("ace", "2", "3", "4", "5", "6", "7", "8", "9", "10", "jack", "queen", "king")
COURT_RANKS = RANKS[-3:]

LABELS = {"ace": "A", "jack": "J", "queen": "Q", "king": "K"}


def label(rank: str) -> str:
    """Return the letter or number in the corner of a card."""
    return LABELS.get(rank, rank)


def turn(brush: Brush) -> None:
    """Turn the card upside down."""
    brush.image.paste(brush.image.transpose(Image.Transpose.ROTATE_180))
