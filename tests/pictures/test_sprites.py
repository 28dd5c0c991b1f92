"""Sprite sheets: every thumbnail in its square."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from datasette_revimg.pictures import decoding, sprites
from kit.geometry import png
from kit.pictures import encoded


def test_sheet_has_every_thumbnail_in_its_square():
    pictures = [decoding.decode(png(number)) for number in range(1, 40)]
    sizes = [(picture.width, picture.height) for picture in pictures]
    made = sprites.draw_sheet([picture.thumbnail for picture in pictures], sizes, 32)
    sheet = Image.open(io.BytesIO(made))
    assert sheet.format == "WEBP"
    assert sheet.size == (1024, 64)
    for index, number in enumerate(range(1, 40)):
        x, y = index % 32 * 32, index // 32 * 32
        width, height = sprites.fitted_size(sizes[index], 32)
        # 60 × 40 and 40 × 60: two thirds of the square.
        assert sorted((width, height)) == [21, 32]
        colour = sheet.convert("RGB").getpixel((x + width // 2, y + height // 2))
        assert colour == pytest.approx((number * 20 % 256, 90, 160), abs=12)


def test_sheet_without_a_thumbnail_stays_grey():
    made = sprites.draw_sheet([None], [None], 64)
    colour = Image.open(io.BytesIO(made)).convert("RGB").getpixel((32, 32))
    assert colour == pytest.approx((128, 128, 128), abs=3)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"text",
        png(1),
        decoding.decode(png(1)).thumbnail[:40],
        encoded(Image.new("RGB", (8000, 8000)), "WEBP"),
    ],
    ids=["empty", "text", "PNG", "cut off", "64 megapixels"],
)
def test_square_of_a_damaged_thumbnail_stays_grey(damaged):
    sound = decoding.decode(png(1)).thumbnail
    made = sprites.draw_sheet([damaged, sound], [(40, 60), (40, 60)], 64)
    sheet = Image.open(io.BytesIO(made)).convert("RGB")
    assert sheet.getpixel((20, 32)) == pytest.approx((128, 128, 128), abs=3)
    assert sheet.getpixel((64 + 20, 32)) == pytest.approx((20, 90, 160), abs=12)


@pytest.mark.parametrize(
    ("count", "cell", "sheets"),
    [(0, 64, 0), (1, 64, 1), (256, 64, 1), (257, 64, 2), (2501, 32, 3), (10_000, 32, 10)],
)
def test_sheets_needed(count, cell, sheets):
    grid = sprites.Grid(count)
    assert (grid.cell, grid.sheets) == (cell, sheets)
    assert grid.per_sheet * grid.cell**2 == 1024**2
