"""One card of the classic deck."""

from __future__ import annotations

from PIL import Image

from ..drawing.brush import Brush
from ..drawing.cards import COURT_RANKS, turn
from ..drawing.curves import box, ellipse
from ..drawing.layout import draw_pips
from .colours import SUIT_COLOURS
from .courts import COURTS
from .figure import SIZE, draw_figure
from .index import draw_index
from .pips import SHAPES, draw_pip


def draw_card(suit: str, rank: str) -> Image.Image:
    """Draw one card in its final size."""
    width, height = SIZE
    brush = Brush.on_card(width, height, 6, "white")
    if rank in COURT_RANKS:
        draw_figure(brush, COURTS[rank, suit], suit)
    elif rank == "ace":
        _draw_ace(brush.moved(width / 2, height / 2), suit)
    else:
        draw_pips(brush.moved(width / 2, height / 2), draw_pip, suit, rank, (22, 54, 23))
    for _ in range(2):
        draw_index(brush.moved(9.5, 13), rank, SUIT_COLOURS[suit], 13)
        draw_pip(brush.moved(9.5, 29, 10.5), suit)
        turn(brush)
    brush.inked("#b9b5ac", 1).outline(box(0.5, 0.5, width - 0.5, height - 0.5))
    return brush.image.resize((width, height), Image.Resampling.LANCZOS)


def _draw_ace(brush: Brush, suit: str) -> None:
    draw_pip(brush.moved(0, 0, 56), suit)
    if suit == "spades":
        _engrave_spade(brush)


def _engrave_spade(brush: Brush) -> None:
    """Draw white lines and a flower in the ace of spades, the show card of a deck."""
    blade = SHAPES["spades"][0]
    brush.moved(0, -1, 44).inked("white", 1.1).outline(blade)
    for angle in range(0, 360, 60):
        brush.moved(0, 2, angle=angle).fill(ellipse(0, -5, 2, 3.6), "white")
