"""The demo's cards, and that their rankings are those of the article."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

DEMO = Path(__file__).parent.parent.parent / "demo"
sys.path.insert(0, str(DEMO))

from decks import DECKS, RANKS, SUITS, draw_card  # noqa: E402

COURT = ("jack", "queen", "king")


@pytest.mark.parametrize(("deck", "size"), [("classic", (116, 166)), ("modern", (67, 91))])
def test_two_decks_of_52_different_cards(deck, size):
    cards = [draw_card(deck, suit, rank) for suit in SUITS for rank in RANKS]
    assert {(card.mode, card.size) for card in cards} == {("RGB", size)}
    assert len({card.tobytes() for card in cards}) == 52


def test_drawing_is_repeatable():
    first, second = (draw_card("classic", "hearts", "king").tobytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("deck", DECKS)
@pytest.mark.parametrize("rank", ["2", "4", "10", *COURT])
def test_point_symmetry(deck, rank):
    card = draw_card(deck, "diamonds", rank)
    difference = ImageChops.difference(card, card.transpose(Image.Transpose.ROTATE_180))
    changed = sum(1 for pixel in difference.convert("L").tobytes() if pixel > 40)
    assert changed < 0.01 * card.width * card.height


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, DEMO / "build.py", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def ranking(output: str, title: str) -> list[str]:
    """The five titles printed below a card's own, in order."""
    lines = output.splitlines()
    start = lines.index(title) + 1
    return [line.split(maxsplit=1)[1] for line in lines[start : start + 5]]


def test_builds_the_table_and_the_sheet(built):
    folder, output = built
    assert "cards: 104 embedded, 0 unchanged, 0 failed, 0 removed" in output
    with sqlite3.connect(folder / "cards.db") as conn:
        assert conn.execute("select count(*), count(distinct image) from cards").fetchone() == (
            104,
            104,
        )
    with Image.open(folder / "cards.png") as sheet:
        assert sheet.width > 6 * 116
        assert sheet.height > 10 * 166


@pytest.mark.parametrize("deck", DECKS)
def test_rankings_are_like_the_articles(built, deck):
    """Ace of diamonds → ace of hearts; five → six of diamonds; picture cards → picture cards."""
    output = built[1]
    assert ranking(output, f"{deck} ace of diamonds")[0] == f"{deck} ace of hearts"
    fives = ranking(output, f"{deck} 5 of diamonds")
    assert fives[0] == f"{deck} 6 of diamonds"
    assert all(title.startswith(deck) and title.endswith("of diamonds") for title in fives[:4])
    for rank in COURT:
        for title in ranking(output, f"{deck} {rank} of diamonds"):
            assert title.split()[1] in COURT
