"""The demo: its cards, its rankings, which are the article's, its lessons, and its quick start."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

import datasette_revimg
from datasette_revimg.models.catalogue import default_model

DEMO = Path(__file__).parent.parent.parent / "demo"
sys.path.insert(0, str(DEMO))

import freshness  # noqa: E402
from decks import DECKS, RANKS, SUITS, draw_card  # noqa: E402

COURT = ("jack", "queen", "king")
FILES = ["cards.db", "cards.png"]


@pytest.mark.parametrize(("deck", "size"), [("classic", (116, 166)), ("modern", (67, 91))])
def test_two_decks_of_52_different_cards(deck: str, size: tuple[int, int]) -> None:
    cards = [draw_card(deck, suit, rank) for suit in SUITS for rank in RANKS]
    assert {(card.mode, card.size) for card in cards} == {("RGB", size)}
    assert len({card.tobytes() for card in cards}) == 52


def test_drawing_is_repeatable() -> None:
    first, second = (draw_card("classic", "hearts", "king").tobytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("deck", DECKS)
@pytest.mark.parametrize("rank", ["2", "4", "10", *COURT])
def test_point_symmetry(deck: str, rank: str) -> None:
    card = draw_card(deck, "diamonds", rank)
    difference = ImageChops.difference(card, card.transpose(Image.Transpose.ROTATE_180))
    changed = sum(1 for pixel in difference.convert("L").tobytes() if pixel > 40)
    assert changed < 0.01 * card.width * card.height


def build(folder: Path) -> str:
    """Run the demo's build; return what it printed."""
    done = subprocess.run(
        [sys.executable, DEMO / "build.py", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Build the demo; return its folder, which no test may change, and what was printed."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    return folder, build(folder)


@pytest.fixture
def folder(built: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a copy of the demo's folder, for the test alone."""
    return Path(shutil.copytree(built[0], tmp_path / "out"))


def ranking(output: str, title: str) -> list[str]:
    """Return the five titles printed below a card's own, in order."""
    lines = output.splitlines()
    start = lines.index(title) + 1
    return [line.split(maxsplit=1)[1] for line in lines[start : start + 5]]


def rankings(output: str) -> str:
    """Return the rankings as printed, without what is said before and after them."""
    return output[output.index("\n\nclassic ") : output.index("\n\nTaught ")].rsplit("\n\n", 1)[0]


def test_builds_the_table_and_the_sheet(built: tuple[Path, str]) -> None:
    folder, output = built
    assert "cards: 104 embedded, 0 unchanged, 0 failed, 0 removed" in output
    with closing(sqlite3.connect(folder / "cards.db")) as conn:
        assert conn.execute("select count(*), count(distinct image) from cards").fetchone() == (
            104,
            104,
        )
    with Image.open(folder / "cards.png") as sheet:
        assert sheet.width > 6 * 116
        assert sheet.height > 10 * 166


@pytest.mark.parametrize("deck", DECKS)
def test_rankings_are_like_the_articles(built: tuple[Path, str], deck: str) -> None:
    """Ace → its suit and the other red ace; five → six of diamonds; picture → picture cards."""
    folder, output = built
    own = {f"{deck} ace of hearts", *(f"{deck} {rank} of diamonds" for rank in RANKS)}
    assert set(ranking(output, f"{deck} ace of diamonds")) <= own
    matches = datasette_revimg.similar(folder / "cards.db", "cards", f"{deck}-diamonds-ace", k=8)
    assert f"{deck}-hearts-ace" in [match.key[0] for match in matches]
    fives = ranking(output, f"{deck} 5 of diamonds")
    assert fives[0] == f"{deck} 6 of diamonds"
    assert all(title.startswith(deck) and title.endswith("of diamonds") for title in fives[:4])
    for rank in COURT:
        for title in ranking(output, f"{deck} {rank} of diamonds"):
            assert title.split()[1] in COURT


def test_one_deck_teaches_the_other(built: tuple[Path, str]) -> None:
    """Far better than the most common value, whose share follows from what a deck is made of."""
    _, output = built
    heading, *lines = output[output.index("Taught ") :].splitlines()
    assert heading.split()[-3:] == ["taught", "nearest", "majority"]
    shares = {}
    for line in lines:
        *title, taught, nearest, majority = line.split()
        shares[" ".join(title)] = [
            float(share.rstrip("%")) / 100 for share in (taught, nearest, majority)
        ]
    common = {"suit": 13 / 52, "rank": 4 / 52, "number or court": 40 / 52}
    for column, expected in common.items():
        for decks in ("classic to modern", "modern to classic"):
            taught, nearest, majority = shares.pop(f"{column}, {decks}")
            assert majority == pytest.approx(expected, abs=5e-4)
            # Three standard deviations of 52 cards' share: one in a thousand by chance.
            margin = 3 * (expected * (1 - expected) / 52) ** 0.5
            assert min(taught, nearest) > expected + margin
    assert not shares


def test_the_second_start_only_prints(built: tuple[Path, str]) -> None:
    folder, output = built
    before = {file.name: file.stat() for file in folder.iterdir()}
    again = build(folder)
    assert again.splitlines()[0] == f"{folder}/cards.db is up to date: nothing to draw or to embed"
    assert "embedded" not in again
    assert rankings(again) == rankings(output)
    after = {file.name: file.stat() for file in folder.iterdir()}
    assert sorted(after) == ["built.json", "cards.db", "cards.png"]
    for name, status in after.items():
        assert (status.st_ino, status.st_mtime_ns) == (
            before[name].st_ino,
            before[name].st_mtime_ns,
        )


def test_what_was_interrupted_is_built_again(folder: Path, built: tuple[Path, str]) -> None:
    """Nothing half-made is taken for the demo, however late the build was stopped."""
    (folder / "cards.png").unlink()
    with subprocess.Popen(
        [sys.executable, DEMO / "build.py", folder],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert any("Embedding" in line for line in process.stdout)
        os.killpg(process.pid, signal.SIGKILL)
    assert list(folder.glob("building-*"))
    output = build(folder)
    assert "cards: 104 embedded, 0 unchanged, 0 failed, 0 removed" in output
    assert rankings(output) == rankings(built[1])
    assert sorted(file.name for file in folder.iterdir()) == ["built.json", *FILES]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def forget(file: Path) -> None:
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute("delete from _revimg_cards where id = 'modern-spades-king'")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("cards.db", Path.unlink),
        ("cards.db", cut),
        ("cards.db", forget),
        ("cards.db-journal", Path.touch),
        ("cards.png", cut),
        ("built.json", Path.unlink),
        ("built.json", cut),
    ],
)
def test_damage_is_noticed(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    assert freshness.is_current(folder, FILES)
    damage(folder / name)
    assert not freshness.is_current(folder, FILES)


def test_another_model_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(default_model(), sha256="0" * 64)
    monkeypatch.setattr(freshness, "default_model", lambda: other)
    assert not freshness.is_current(folder, FILES)


def test_other_drawings_are_noticed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = Path(shutil.copytree(DEMO / "decks", tmp_path / "demo" / "decks")).parent
    monkeypatch.setattr(freshness, "SOURCES", (demo,))
    new = tmp_path / "new"
    shutil.copytree(folder, new)
    freshness.install(new, folder, FILES)
    assert freshness.is_current(folder, FILES)
    colours = demo / "decks" / "modern" / "colours.py"
    colours.write_text(colours.read_text(encoding="utf-8").replace("f8eedb", "f8eedc"))
    assert not freshness.is_current(folder, FILES)
