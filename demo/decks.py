"""Two decks of playing cards, drawn by program.

`classic` is an ornate deck in the manner of the English pattern, 116 x 166 pixels; `modern` is a
flat geometric deck, 67 x 91 pixels. Coordinates are pixels of the finished card. The drawing
itself happens on an image several times as large, which is then scaled down, so that all edges
are smooth. A card turned upside down is the same card, but for single pips that stand upright on
the middle line or above it, as on printed cards.

    python demo/decks.py sheet.png
"""

from __future__ import annotations

import sys

from PIL import Image

from brush import Brush, box, ellipse, rounded_box
from colours import CREAM
from courts_flat import MODERN_SIZE, draw_flat_court
from courts_ornate import CLASSIC_SIZE, draw_ornate_court
from indices import bold_index, engraved_index
from pips import CLASSIC_COLOURS, CLASSIC_SHAPES, MODERN_COLOURS, Pip, classic_pip, modern_pip

SUITS = ("clubs", "diamonds", "hearts", "spades")
RANKS = ("ace", "2", "3", "4", "5", "6", "7", "8", "9", "10", "jack", "queen", "king")
DECKS = ("classic", "modern")
COURT_RANKS = RANKS[-3:]

Row = tuple[float, ...]

ALL_THREE: Row = (-1.0, 0.0, 1.0)
ALL_FOUR: Row = (-1.0, -1 / 3, 1 / 3, 1.0)
# The places of the pips: rows in the two outer columns, and rows in the middle column; from -1 at
# the top to 1 at the bottom.
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


def draw_card(deck: str, suit: str, rank: str) -> Image.Image:
    """One card in its final size."""
    return {"classic": _classic_card, "modern": _modern_card}[deck](suit, rank)


def _classic_card(suit: str, rank: str) -> Image.Image:
    width, height = CLASSIC_SIZE
    brush = Brush.on_card(width, height, 6, "white")
    if rank in COURT_RANKS:
        draw_ornate_court(brush, suit, rank)
    elif rank == "ace":
        _classic_ace(brush.moved(width / 2, height / 2), suit)
    else:
        _pips(brush.moved(width / 2, height / 2), classic_pip, suit, rank, (22, 54, 23))
    for _ in range(2):
        engraved_index(brush.moved(9.5, 13), rank, CLASSIC_COLOURS[suit], 13)
        classic_pip(brush.moved(9.5, 29, 10.5), suit)
        _turn(brush)
    brush.inked("#b9b5ac", 1).outline(box(0.5, 0.5, width - 0.5, height - 0.5))
    return brush.image.resize((width, height), Image.Resampling.LANCZOS)


def _classic_ace(brush: Brush, suit: str) -> None:
    classic_pip(brush.moved(0, 0, 56), suit)
    if suit == "spades":
        _engrave_spade(brush)


def _engrave_spade(brush: Brush) -> None:
    """White lines and a flower in the ace of spades, the show card of a deck."""
    blade = CLASSIC_SHAPES["spades"][0]
    brush.moved(0, -1, 44).inked("white", 1.1).outline(blade)
    for turn in range(0, 360, 60):
        brush.moved(0, 2, angle=turn).fill(ellipse(0, -5, 2, 3.6), "white")


def _modern_card(suit: str, rank: str) -> Image.Image:
    width, height = MODERN_SIZE
    brush = Brush.on_card(width, height, 8, "white")
    brush.inked("#d9c7a5", 0.8).shape(rounded_box(0.4, 0.4, width - 0.4, height - 0.4, 5), CREAM)
    if rank in COURT_RANKS:
        draw_flat_court(brush, suit, rank)
    elif rank == "ace":
        modern_pip(brush.moved(width / 2, height / 2, 28), suit)
    else:
        _pips(brush.moved(width / 2, height / 2), modern_pip, suit, rank, (12, 30, 12.6))
    for _ in range(2):
        bold_index(brush, rank, MODERN_COLOURS[suit][1], 7.4, 4.3)
        modern_pip(brush.moved(7.4, 19, 7.2), suit)
        _turn(brush)
    return brush.image.resize((width, height), Image.Resampling.LANCZOS)


def _turn(brush: Brush) -> None:
    brush.image.paste(brush.image.transpose(Image.Transpose.ROTATE_180))


def _pips(
    brush: Brush, pip: Pip, suit: str, rank: str, measures: tuple[float, float, float]
) -> None:
    """The pips of a number card, around its centre.

    The measures are the distances of the outer columns and rows from the centre, and the size.
    """
    column, row, size = measures
    outer, middle = PIP_ROWS[rank]
    places = [(0.0, y) for y in middle] + [(x, y) for y in outer for x in (-column, column)]
    for x, y in places:
        pip(brush.moved(x, y * row, size, angle=180 if y > 0 else 0), suit)


def draw_sheet() -> Image.Image:
    """All the cards, a row for each suit of each deck."""
    cell_width, cell_height = 122, 172
    rows = [(deck, suit) for deck in DECKS for suit in SUITS]
    sheet = Image.new("RGB", (cell_width * len(RANKS), cell_height * len(rows)), "#6f7f78")
    for y, (deck, suit) in enumerate(rows):
        for x, rank in enumerate(RANKS):
            card = draw_card(deck, suit, rank)
            left = x * cell_width + (cell_width - card.width) // 2
            top = y * cell_height + (cell_height - card.height) // 2
            sheet.paste(card, (left, top))
    return sheet


def main() -> None:
    draw_sheet().save(sys.argv[1])


if __name__ == "__main__":
    main()
