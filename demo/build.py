"""Build cards.db, embed it and show the most similar cards, as the article does.

Two decks are drawn, stored as PNG in a table ``cards``, embedded with the ordinary command and
ranked with the ordinary SQL function. Takes the folder to write to.
"""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from pathlib import Path

import sqlite_utils
from PIL import Image, ImageDraw, ImageFont

from datasette_revimg.search import functions
from decks import DECKS, RANKS, SUITS, draw_card

SHOWN = ("ace", "5", "jack", "queen", "king")
MATCHES = 5

# The sheet's measures, in pixels; cards keep their own size, so that the decks tell apart.
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


def build_database(path: Path) -> None:
    """Create the table ``cards`` with all 104 cards; an older file is replaced."""
    path.unlink(missing_ok=True)
    database = sqlite_utils.Database(path)
    database.table("cards").insert_all(
        (
            {
                "id": f"{deck}-{suit}-{rank}",
                "deck": deck,
                "suit": suit,
                "rank": rank,
                "image": _png(draw_card(deck, suit, rank)),
            }
            for deck in DECKS
            for suit in SUITS
            for rank in RANKS
        ),
        pk="id",
    )
    database.close()


def _png(card: Image.Image) -> bytes:
    buffer = io.BytesIO()
    card.save(buffer, "PNG")
    return buffer.getvalue()


Match = tuple[str, bytes, float]


def rankings(path: Path) -> dict[str, list[Match]]:
    """The most similar cards of the shown diamonds: id, PNG and cosine, best first."""
    conn = sqlite3.connect(path)
    functions.register(conn)
    ids = [f"{deck}-diamonds-{rank}" for deck in DECKS for rank in SHOWN]
    found = {
        card: conn.execute(NEAREST_CARDS, {"id": card, "matches": MATCHES}).fetchall()
        for card in ids
    }
    conn.close()
    return found


def contact_sheet(ranked: dict[str, list[Match]]) -> Image.Image:
    """One row a card: the card itself at the left, its matches with their cosines beside it."""
    rows = [
        [
            (_title(card), draw_card(*card.split("-"))),
            *((f"{cosine:.3f}", Image.open(io.BytesIO(png))) for _, png, cosine in matches),
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


def _title(card: str) -> str:
    deck, suit, rank = card.split("-")
    return f"{deck} {rank} of {suit}"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    database, sheet = folder / "cards.db", folder / "cards.png"
    build_database(database)
    datasette = Path(sys.executable).with_name("datasette")
    subprocess.run([datasette, "revimg", "embed", database, "cards"], check=True)
    ranked = rankings(database)
    for card, matches in ranked.items():
        print(f"\n{_title(card)}")
        for match, _, cosine in matches:
            print(f"  {cosine:.4f}  {_title(match)}")
    contact_sheet(ranked).save(sheet)
    print(f"\n{sheet}: the same as a picture")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
