"""The map: its layout, its sprite sheets, the page and its JSON."""

from __future__ import annotations

import asyncio
import html
import io
import json
import re
import sqlite3
import time

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.overview import layout
from datasette_revimg.pictures import decoding, sprites
from datasette_revimg.store import tables, writing
from kit.asking import get_json
from kit.clusters import clusters
from kit.docs import blocks
from kit.geometry import ANGLES, AWKWARD, entry, png

PAGE = "/data/photos/-/map"


def neighbours(places: np.ndarray) -> np.ndarray:
    """For every place the index of the nearest other one."""
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(axis=1)


@pytest.mark.parametrize("shape", [(60, 24), (24, 60), (900, 40)])
def test_components_are_those_of_the_covariance(shape):
    """As the eigenvectors of the covariance matrix say, another way to the same numbers."""
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=shape) * np.linspace(3, 0.1, shape[1])).astype(np.float32)
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    for column, axis in zip(layout.components(vectors, 3).T, axes.T[::-1], strict=False):
        expected = centred @ axis
        assert min(abs(column - expected).max(), abs(column + expected).max()) < 1e-3
        assert column[abs(column).argmax()] > 0


def test_components_of_few_and_of_equal_vectors():
    assert layout.components(np.ones((1, 5), np.float32), 2).tolist() == [[0, 0]]
    assert not layout.components(np.ones((4, 5), np.float32), 2).any()
    two = layout.components(np.eye(2, 5, dtype=np.float32), 2)
    assert abs(two[0, 0] - two[1, 0]) == pytest.approx(np.sqrt(2), abs=1e-6)
    assert layout.pca(np.ones((3, 5), np.float32)).tolist() == [[0.5, 0.5]] * 3


@pytest.mark.parametrize("method", [layout.pca, layout.tsne])
def test_similar_pictures_are_near_each_other(method):
    vectors, labels = clusters([15, 20, 12])
    places = method(vectors)
    assert places.shape == (47, 2)
    assert places.dtype == np.float32
    assert places.min() >= 0
    assert places.max() <= 1
    assert (labels[neighbours(places)] == labels).mean() > 0.95
    assert (places == method(vectors)).all()


def test_spread_keeps_the_order_and_the_gaps():
    places = np.array([[0, 5], [1, 5], [2, 5], [100, 5]], np.float32)
    spread = layout.spread(places)
    x = spread[:, 0]
    assert list(np.argsort(x)) == [0, 1, 2, 3]
    assert (x[0], x[3]) == (0, 1)
    # The outlier no longer presses the others together, but a gap is still to be seen.
    assert 0.1 < x[1] < 0.3
    assert x[3] - x[2] > 2 * (x[2] - x[1])
    assert (spread[:, 1] == 0.5).all()


def test_sheet_has_every_thumbnail_in_its_square():
    pictures = [decoding.decode(png(number)) for number in range(1, 40)]
    sizes = [(picture.width, picture.height) for picture in pictures]
    made = sprites.sheet([picture.thumbnail for picture in pictures], sizes, 32)
    sheet = Image.open(io.BytesIO(made))
    assert sheet.format == "WEBP"
    assert sheet.size == (1024, 64)
    for index, number in enumerate(range(1, 40)):
        x, y = index % 32 * 32, index // 32 * 32
        width, height = sprites.fitted(sizes[index], 32)
        # 60 × 40 and 40 × 60: two thirds of the square.
        assert sorted((width, height)) == [21, 32]
        colour = sheet.convert("RGB").getpixel((x + width // 2, y + height // 2))
        assert colour == pytest.approx((number * 20 % 256, 90, 160), abs=12)


def test_sheet_without_a_thumbnail_stays_grey():
    made = sprites.sheet([None], [None], 64)
    colour = Image.open(io.BytesIO(made)).convert("RGB").getpixel((32, 32))
    assert colour == pytest.approx((128, 128, 128), abs=3)


@pytest.mark.parametrize(
    ("count", "cell", "sheets"),
    [(0, 64, 0), (1, 64, 1), (256, 64, 1), (257, 64, 2), (2501, 32, 3), (10_000, 32, 10)],
)
def test_sheets_needed(count, cell, sheets):
    grid = sprites.Grid(count)
    assert (grid.cell, grid.sheets) == (cell, sheets)
    assert grid.per_sheet * grid.cell**2 == 1024**2


@pytest.mark.asyncio
async def test_json(ds, only_pca):
    body = await get_json(ds, PAGE + ".json")
    rows = body.pop("rows")
    assert [row["row"]["id"] for row in rows] == sorted(ANGLES)
    assert rows[0] == {
        "x": rows[0]["x"],
        "y": rows[0]["y"],
        "row": {"id": 1, "title": "Picture 1", "colour": "red", "year": 1981},
        "url": "/data/photos/1",
        "similar_url": "/data/photos/1/-/similar",
        "thumbnail_url": "/data/photos/1/-/thumbnail",
    }
    assert all(0 <= row[axis] <= 1 for row in rows for axis in "xy")
    assert body == {
        "ok": True,
        "database": "data",
        "table": "photos",
        "model": "vgg16-rmac",
        "method": "PCA",
        "pending": None,
        "sampled": False,
        "filtered_table_rows_count": len(ANGLES),
    }


@pytest.mark.asyncio
async def test_first_axis_follows_the_angles(ds, only_pca):
    """The vectors lie on an arc of less than half a turn: one direction orders them all."""
    body = await get_json(ds, PAGE + ".json")
    along = [row["row"]["id"] for row in sorted(body["rows"], key=lambda row: row["x"])]
    by_angle = sorted(ANGLES, key=lambda number: ANGLES[number])
    assert along in (by_angle, by_angle[::-1])
    page = (await ds.client.get(PAGE)).text
    listed = re.findall(r'<li><a class="revimg-frame" href="/data/photos/(\d+)/-/similar"', page)
    assert [int(number) for number in listed] == along


@pytest.mark.asyncio
async def test_pca_at_once_and_the_better_map_when_it_is_there(ds):
    first = await get_json(ds, PAGE + ".json")
    assert first["method"] in ("PCA", "t-SNE")
    if first["method"] == "PCA":
        assert first["pending"] == "t-SNE"
    deadline = time.monotonic() + 60
    while (body := await get_json(ds, PAGE + ".json"))["pending"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert body["method"] == "t-SNE"
    assert "t-SNE" in (await ds.client.get(PAGE)).text


@pytest.mark.asyncio
async def test_without_scikit_learn(ds, monkeypatch):
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    body = await get_json(ds, PAGE + ".json")
    assert (body["method"], body["pending"]) == ("PCA", None)
    assert "t-SNE" not in (await ds.client.get(PAGE)).text


@pytest.mark.asyncio
async def test_a_better_map_that_fails_is_not_waited_for(ds, monkeypatch):
    def fail(vectors):
        raise ArithmeticError

    monkeypatch.setattr(layout, "tsne", fail)
    deadline = time.monotonic() + 60
    while (body := await get_json(ds, PAGE + ".json"))["pending"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert body["method"] == "PCA"


@pytest.mark.asyncio
async def test_sample_says_so_and_is_the_same_again(ds, only_pca):
    body = await get_json(ds, PAGE + ".json?_size=5")
    assert len(body["rows"]) == 5
    assert body["sampled"] is True
    assert body["filtered_table_rows_count"] == len(ANGLES)
    assert body == await get_json(ds, PAGE + ".json?_size=5")
    assert "5 of 12 rows, a random sample" in (await ds.client.get(PAGE + "?_size=5")).text
    body = await get_json(ds, PAGE + ".json?colour=red")
    assert [row["row"]["id"] for row in body["rows"]] == [1, 3, 5, 7, 9, 11]


@pytest.mark.asyncio
@pytest.mark.parametrize("table", ["photos", "awkward", "pairs", "keyless", "files"])
async def test_data_and_sheets_of_the_page(ds, only_pca, table):
    page = (await ds.client.get(f"/data/{table}/-/map")).text
    url = html.unescape(re.search(r'data-url="([^"]+)"', page)[1])
    response = await ds.client.get(url)
    assert response.headers["content-type"].startswith("application/json")
    data = response.json()
    if table == "photos":
        assert data["rows"][2][:2] == ["3", "<script>alert('title')</script>"]
    count = len(AWKWARD if table == "awkward" else ANGLES)
    assert len(data["rows"]) == len(data["places"]) == count
    assert len(data["sheets"]) == 1
    response = await ds.client.get(data["sheets"][0])
    assert response.headers["content-type"] == "image/webp"
    assert "private" in response.headers["cache-control"]
    sheet = Image.open(io.BytesIO(response.content)).convert("RGB")
    for index, (key, _, width, height) in enumerate(data["rows"]):
        similar = await ds.client.get(f"{data['base']}/{key}/-/similar.json")
        assert similar.status_code == 200
        thumbnail = await ds.client.get(f"{data['base']}/{key}/-/thumbnail")
        whole = Image.open(io.BytesIO(thumbnail.content)).convert("RGB")
        middle = whole.getpixel((whole.width // 2, whole.height // 2))
        at = (index % 16 * 64 + width // 2, index // 16 * 64 + height // 2)
        assert sheet.getpixel(at) == pytest.approx(middle, abs=12)
        assert (width > height) == (whole.width > whole.height)
    places = await get_json(ds, data["improved"])
    assert places["places"] == data["places"]
    assert "rows" not in places


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["1", "x", "-1", "99999"])
async def test_sheet_that_is_not_there(ds, text):
    response = await ds.client.get(f"/data/photos/-/map-sheet?_sheet={text}")
    assert response.status_code == 404
    assert "this map has 1" in response.text


@pytest.mark.asyncio
async def test_one_row_and_none(ds):
    body = await get_json(ds, PAGE + ".json?id=7")
    assert [(row["x"], row["y"]) for row in body["rows"]] == [(0.5, 0.5)]
    assert (await get_json(ds, PAGE + ".json?id=77"))["rows"] == []
    assert "No picture of photos meets these filters" in (await ds.client.get(PAGE + "?id=77")).text
    assert (await get_json(ds, PAGE + "-data?id=77"))["sheets"] == []


@pytest.mark.asyncio
async def test_never_older_than_the_table(data, ds, only_pca):
    before = await get_json(ds, PAGE + "-data")
    with sqlite3.connect(data) as conn:
        source = tables.find(conn, "photos")
        conn.execute("insert into photos values (20, 'new', 'red', 2000, x'00')")
        writing.write(conn, source, [entry((20,), 8)], [])
        conn.execute("delete from photos where id = 4")
    after = await get_json(ds, PAGE + ".json")
    assert {row["row"]["id"] for row in after["rows"]} == {*ANGLES, 20} - {4}
    for url in (*before["sheets"], before["improved"]):
        response = await ds.client.get(url)
        assert response.status_code == 409
        assert "load the page again" in response.text


@pytest.mark.asyncio
async def test_readme_shows_the_json_as_it_is(ds, only_pca):
    (shown,) = (json.loads(block) for block in blocks("json", "map.json"))
    body = await get_json(ds, PAGE + ".json?_size=1")
    assert list(shown) == list(body)
    assert list(shown["rows"][0]) == list(body["rows"][0])
