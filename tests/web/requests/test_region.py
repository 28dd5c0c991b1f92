"""Search by a region: of a row's picture, and of one that was sent."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.errors import RevimgError
from datasette_revimg.pictures import decoding
from datasette_revimg.pictures import region as crop
from datasette_revimg.pictures.region import Crop
from kit import scenes
from kit.asking import ids
from kit.uploads import PAGE, PICTURE, form, part, post, uploaded

COLLAGE = scenes.COUNT + 1
ROW = f"/scenes/photos/{COLLAGE}/-/similar"
# By the scene that is there.
QUARTERS = {1: "0,0,500,500", 2: "500,0,500,500", 3: "0,500,500,500", 4: "500,500,500,500"}


@pytest.fixture
def ds(scenes_db, serve):
    return serve(scenes_db)


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,0,0,100", "0,0,100,0", "-1,0,10,10",
        "0,0,1001,10", "501,0,500,10", "0,501,10,500", "0.5,0,10,10", "0,0,٣,10", "0,0,1e2,10",
        " 0,0,10,10", "0,0,00010,10",
    ],
)  # fmt: skip
def test_crops_that_cannot_be(text):
    with pytest.raises(RevimgError, match="_crop"):
        crop.parse(text)


def test_crop_in_pixels():
    assert crop.parse(None) is None
    assert crop.parse("0,250,500,750") == Crop(0, 250, 500, 750)
    assert Crop(0, 0, 1000, 1000).box((321, 7)) == (0, 0, 321, 7)
    assert Crop(500, 250, 500, 500).box((400, 400)) == (200, 100, 400, 300)
    # Neighbours share an edge, and even a thousandth of a small picture is a pixel.
    assert Crop(0, 0, 333, 1000).box((100, 1))[2] == Crop(333, 0, 667, 1000).box((100, 1))[0]
    for x in range(1000):
        left, upper, right, lower = Crop(x, x, 1, 1).box((7, 2000))
        assert 0 <= left < right <= 7
        assert 0 <= upper < lower <= 2000


@pytest.mark.parametrize("orientation", range(1, 9))
def test_crop_is_of_the_upright_picture(orientation):
    """One quarter of the upright picture is red, wherever it lies in the pixels of the file."""
    upright = Image.new("RGB", (2400, 1600), (0, 0, 255))
    upright.paste((255, 0, 0), (1200, 0, 2400, 800))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decoding.decode(scenes.saved(stored, exif=exif), crop=Crop(500, 0, 500, 500))
    # The network's picture holds the quarter alone, up to JPEG's smear at its edges.
    assert np.abs(picture.array[8:-8, 8:-8].astype(int) - (255, 0, 0)).max() < 12
    assert (picture.width, picture.height) == (2400, 1600)
    with Image.open(io.BytesIO(picture.thumbnail)) as thumbnail:
        assert thumbnail.size == (320, 213)


def test_small_region_is_decoded_large():
    """A fine grid in a twentieth of the picture is still there: nothing was scaled down before
    it was cut out."""
    size = 4000
    grid = np.full((size, size, 3), 128, np.uint8)
    region = grid[:200, :200]
    region[:, ::2] = 0
    region[:, 1::2] = 255
    data = scenes.saved(Image.fromarray(grid), subsampling=0)
    array = decoding.decode(data, crop=Crop(0, 0, 50, 50)).array
    assert array[20:-20, 20:-20].std() > 60


def test_exif_turned_region_is_decoded_large_both_ways():
    grid = np.full((1000, 4000, 3), 128, np.uint8)
    grid[::2, :200] = 0
    grid[1::2, :200] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    # Turned clockwise, the left of the file is the top of the picture.
    data = scenes.saved(Image.fromarray(grid), subsampling=0, exif=exif)
    array = decoding.decode(data, crop=Crop(0, 0, 224, 50)).array
    assert array[20:-20, 20:-20].std() > 60


@pytest.mark.asyncio
@pytest.mark.parametrize(("scene", "region"), QUARTERS.items())
async def test_quarter_finds_the_picture_it_was_made_of(ds, scene, region):
    body = (await ds.client.get(f"{ROW}.json?_crop={region}")).json()
    assert ids(body)[0] == scene
    assert body["rows"][0]["score"] > 0.95
    assert body["query"]["crop"] == region
    # The row itself is no answer, as without a region.
    assert COLLAGE not in ids(body)
    sent = await uploaded(
        ds, scenes.saved(scenes.collage([1, 2, 3, 4])), f"{PAGE}.json?_crop={region}"
    )
    assert ids(sent)[0] == scene
    assert sent["query"]["crop"] == region


@pytest.mark.asyncio
async def test_whole_region_is_no_region(ds):
    whole = (await ds.client.get(f"{ROW}.json?_crop=0,0,1000,1000")).json()
    none = (await ds.client.get(f"{ROW}.json")).json()
    assert ids(whole) == ids(none)
    for one, other in zip(whole["rows"], none["rows"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=2e-3)
    for content in (PICTURE, scenes.saved(scenes.collage([5, 6, 7, 8]))):
        whole = await uploaded(ds, content, PAGE + ".json?_crop=0,0,1000,1000")
        assert whole["rows"] == (await uploaded(ds, content))["rows"]


@pytest.mark.asyncio
async def test_region_of_a_file(ds):
    body = (
        await ds.client.get("/scenes/files/in~2F3~2Ejpg/-/similar.json?_crop=0,0,900,900")
    ).json()
    assert body["ok"], body
    assert "in/3.jpg" not in [row["row"]["path"] for row in body["rows"]]


@pytest.mark.asyncio
async def test_region_as_a_field_of_the_form(ds):
    content = scenes.saved(scenes.collage([1, 2, 3, 4]))
    field = part(QUARTERS[2].encode(), "_crop", None)
    response = await post(ds, form(part(content), field))
    assert ids(response.json())[0] == 2


@pytest.mark.asyncio
async def test_region_with_filters_and_other_rows(ds):
    every = (await ds.client.get(f"{ROW}.json?_crop={QUARTERS[2]}")).json()
    red = (await ds.client.get(f"{ROW}.json?_crop={QUARTERS[2]}&colour=red")).json()
    assert ids(red) == [number for number in ids(every) if number % 2 and number != COLLAGE]
    both = (await ds.client.get(f"{ROW}.json?_crop={QUARTERS[2]}&like=5")).json()
    assert both["query"]["like"] == ["5"]
    assert not {5, COLLAGE} & set(ids(both))
    assert ids(both) != ids(every)


@pytest.mark.asyncio
async def test_page_shows_the_region(ds):
    page = (await ds.client.get(f"{ROW}?_crop=100,200,300,400&colour=red")).text
    assert 'style="left: 10.0%; top: 20.0%; width: 30.0%; height: 40.0%"' in page
    assert f'<a href="{ROW}?colour=red">Whole picture</a>' in page
    assert "Similar to a region of" in page
    assert f'{ROW}.json?_crop=100%2C200%2C300%2C400&amp;colour=red">JSON' in page
    # On to another picture, of which the region would mean nothing.
    assert '/-/similar?colour=red" title="Find similar"' in page
    content = scenes.saved(scenes.collage([1, 2, 3, 4]))
    page = (await post(ds, form(part(content)), f"{PAGE}?_crop=100,200,300,400")).text
    assert 'style="left: 10.0%; top: 20.0%; width: 30.0%; height: 40.0%"' in page


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["", "1,2,3", "900,0,200,10", "x"])
async def test_bad_regions(ds, text):
    response = await ds.client.get(f"{ROW}.json?_crop={text}")
    assert response.status_code == 400
    assert "_crop" in response.json()["error"]


@pytest.mark.asyncio
async def test_picture_that_is_gone(ds, scenes_db):
    (scenes_db.parent / "in" / "3.jpg").unlink()
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("update photos set picture = x'00' where id = 3")
        conn.execute("update photos set picture = null where id = 4")
    for path, status in (
        ("files/in~2F3~2Ejpg", 410),
        ("photos/3", 400),
        ("photos/4", 404),
        ("photos/99", 404),
    ):
        response = await ds.client.get(f"/scenes/{path}/-/similar.json?_crop=0,0,500,500")
        assert response.status_code == status, response.text
        assert str(scenes_db.parent) not in response.text
