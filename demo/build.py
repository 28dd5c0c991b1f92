"""Draw two decks of cards, embed them and show the most similar ones, as the article does.

Suits, ranks, and number or court are then taught from each deck, and predicted for the other.

The folder to write to gets ``cards.db`` with the table ``cards``, and ``cards.png``, the rankings
as a picture. What is there already and still right is kept.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlite_utils

import freshness
from datasette_revimg.errors import RevimgError
from decks import DECKS, RANKS, SUITS, draw_card
from lessons import lessons, table
from ranking import contact_sheet, rankings, title

DATABASE, SHEET = "cards.db", "cards.png"


def draw_cards(path: Path) -> None:
    """Create a database with a table ``cards`` of all cards, as PNG."""
    database = sqlite_utils.Database(path)
    database.table("cards").insert_all(
        (
            {
                "id": f"{deck}-{suit}-{rank}",
                "deck": deck,
                "suit": suit,
                "rank": rank,
                "image": _png(deck, suit, rank),
            }
            for deck in DECKS
            for suit in SUITS
            for rank in RANKS
        ),
        pk="id",
    )
    database.close()


def _png(deck: str, suit: str, rank: str) -> bytes:
    buffer = io.BytesIO()
    draw_card(deck, suit, rank).save(buffer, "PNG")
    return buffer.getvalue()


def build(folder: Path) -> None:
    """Make everything anew; ``folder`` changes only when all of it is done."""
    for leftover in folder.glob("building-*"):
        shutil.rmtree(leftover)
    with TemporaryDirectory(dir=folder, prefix="building-") as name:
        new = Path(name)
        print(f"Drawing {len(DECKS) * len(SUITS) * len(RANKS)} cards", flush=True)
        draw_cards(new / DATABASE)
        print("Embedding them", flush=True)
        datasette = Path(sys.executable).with_name("datasette")
        embed = [str(datasette), "revimg", "embed", str(new / DATABASE), "cards"]
        if status := subprocess.run(embed, check=False).returncode:
            sys.exit(status)
        contact_sheet(rankings(new / DATABASE)).save(new / SHEET)
        freshness.install(new, folder, [DATABASE, SHEET])


def main(folder: Path) -> None:
    """Build what isn't there or no longer right, then print the rankings and the lessons."""
    folder.mkdir(parents=True, exist_ok=True)
    database, sheet = folder / DATABASE, folder / SHEET
    if freshness.is_current(folder, [DATABASE, SHEET]):
        print(f"{database} is up to date: nothing to draw or to embed")
    else:
        build(folder)
    for card, matches in rankings(database).items():
        print(f"\n{title(card)}")
        for match in matches:
            print(f"  {match.cosine:.4f}  {title(match.card)}")
    print(f"\n{sheet}: the same as a picture\n")
    try:
        print(table(lessons(database)))
    except RevimgError as error:
        sys.exit(f"Suits and ranks can't be taught: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
