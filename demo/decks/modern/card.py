"""One card of the modern deck."""

from __future__ import annotations

from PIL import Image

from ..drawing.brush import Brush
from ..drawing.cards import COURT_RANKS, turn
from ..drawing.curves import rounded_box
from ..drawing.layout import draw_pips
from .colours import CREAM, SUIT_COLOURS
from .courts import COURTS
from .figure import SIZE, draw_figure
from .index import draw_index
from .pips import draw_pip


def draw_card(suit: str, rank: str) -> Image.Image:
    """Draw one card in its final size."""
    width, height = SIZE
    brush = Brush.on_card(width, height, 8, "white")
    brush.inked("#d9c7a5", 0.8).shape(rounded_box(0.4, 0.4, width - 0.4, height - 0.4, 5), CREAM)
    if rank in COURT_RANKS:
        draw_figure(brush, COURTS[rank, suit])
    elif rank == "ace":
        draw_pip(brush.moved(width / 2, height / 2, 28), suit)
    else:
        draw_pips(brush.moved(width / 2, height / 2), draw_pip, suit, rank, (12, 30, 12.6))
    for _ in range(2):
        draw_index(brush, rank, SUIT_COLOURS[suit][1], 7.4, 4.3)
        draw_pip(brush.moved(7.4, 19, 7.2), suit)
        turn(brush)
    return brush.image.resize((width, height), Image.Resampling.LANCZOS)
