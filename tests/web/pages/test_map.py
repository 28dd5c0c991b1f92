"""The page of the map and its JSON."""

from __future__ import annotations

import asyncio
import gc
import html
import io
import json
import re
import sqlite3
import time
import weakref

import pytest
from PIL import Image

from datasette_revimg.errors import RevimgError
from datasette_revimg.overview import layout
from datasette_revimg.store import tables, writing
from datasette_revimg.web.work import better_map
from kit.asking import get_json
from kit.docs import blocks
from kit.geometry import ANGLES, AWKWARD, entry

PAGE = "/data/photos/-/map"


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
    async def fail(components):
        raise RevimgError("t-SNE failed")

    monkeypatch.setattr(better_map, "tsne", fail)
    deadline = time.monotonic() + 60
    while (body := await get_json(ds, PAGE + ".json"))["pending"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert body["method"] == "PCA"


@pytest.mark.asyncio
async def test_maps_that_wait_hold_no_vectors(ds, monkeypatch):
    """Three may wait for t-SNE; 20 addresses took 4 GB when each kept its vectors."""
    alive: list[weakref.ref] = []
    pca = layout.pca

    def watched_pca(vectors):
        alive.append(weakref.ref(vectors))
        return pca(vectors)

    async def endless(_):
        await asyncio.Event().wait()

    monkeypatch.setattr(layout, "pca", watched_pca)
    monkeypatch.setattr(better_map, "tsne", endless)
    monkeypatch.setattr(layout, "better_method", lambda: layout.TSNE)
    pending = [
        (await get_json(ds, f"{PAGE}-data?_places=1&id__not={number}"))["pending"]
        for number in range(1, 7)
    ]
    assert pending == ["t-SNE"] * 4 + [None] * 2
    # The thread lets go of its last work when the next one comes.
    await get_json(ds, f"{PAGE}-data?_places=1&colour=red")
    gc.collect()
    assert [each() for each in alive[:6]] == [None] * 6


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
