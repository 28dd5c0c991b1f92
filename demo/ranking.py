"""The cards most similar to ten of them, by SQL, and the picture of these rankings."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from datasette_revimg.search import functions
from decks import DECKS, draw_card

SHOWN = ("ace", "5", "jack", "queen", "king")
MATCHES = 5

# The sheet's measures, in pixels; cards keep their own size, by which one knows the decks.
CELL_WIDTH = 160
CAPTION = 26
ROW_GAP = 18
MARGIN = 28
GAP_AFTER_REFERENCE = 40
INK, QUIET, PAPER = "#1f2933", "#66727f", "#eef1f4"

NEAREST_CARDS = """
select b.id, b.image, cosine_similarity(ea.embedding, eb.embedding) as similarity
from _revimg_cards as ea, _revimg_cards as eb join cards as b on b.id = eb.id
where ea.id = :id and eb.id != :id
order by similarity desc, b.id
limit :matches
"""


class Match(NamedTuple):
    """A card similar to another one: its id, its PNG and the cosine similarity."""

    card: str
    png: bytes
    cosine: float


def rankings(path: Path) -> dict[str, list[Match]]:
    """Return the most similar cards of five diamonds of each deck, by id, best first."""
    ids = [f"{deck}-diamonds-{rank}" for deck in DECKS for rank in SHOWN]
    with closing(sqlite3.connect(path)) as conn:
        functions.register(conn)
        return {
            card: [
                Match(*row) for row in conn.execute(NEAREST_CARDS, {"id": card, "matches": MATCHES})
            ]
            for card in ids
        }


def title(card: str) -> str:
    """Return a card's id as words: ``classic ace of spades``."""
    deck, suit, rank = card.split("-")
    return f"{deck} {rank} of {suit}"


def contact_sheet(ranked: dict[str, list[Match]]) -> Image.Image:
    """Draw a row for each card: itself at the left, its matches with their cosines beside it."""
    rows = [
        [
            (title(card), draw_card(*card.split("-"))),
            *((f"{match.cosine:.3f}", Image.open(io.BytesIO(match.png))) for match in matches),
        ]
        for card, matches in ranked.items()
    ]
    heights = [CAPTION + max(card.height for _, card in row) + ROW_GAP for row in rows]
    width = 2 * MARGIN + (MATCHES + 1) * CELL_WIDTH + GAP_AFTER_REFERENCE
    sheet = Image.new("RGB", (width, 2 * MARGIN + sum(heights) - ROW_GAP), PAPER)
    top = MARGIN
    for row, height in zip(rows, heights, strict=True):
        for column, (caption, card) in enumerate(row):
            left = MARGIN + column * CELL_WIDTH + (GAP_AFTER_REFERENCE if column else 0)
            _paste(sheet, left, top, card, caption, INK if column else QUIET)
        top += height
    return sheet


def _paste(
    sheet: Image.Image, left: int, top: int, card: Image.Image, caption: str, colour: str
) -> None:
    middle = left + CELL_WIDTH // 2
    font = ImageFont.load_default(14)
    ImageDraw.Draw(sheet).text((middle, top + CAPTION // 2), caption, colour, font, "mm")
    sheet.paste(card, (middle - card.width // 2, top + CAPTION))
