"""The page of the similarity matrix, its JSON and its picture."""

from __future__ import annotations

import asyncio
import html
import io
import json
import re
import sqlite3

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures.similarity_matrix import cell_side
from datasette_revimg.store import tables, writing
from datasette_revimg.web.pages import matrix as web_matrix
from kit.asking import get_json
from kit.docs import blocks
from kit.geometry import ANGLES, cosine, entry

VIRIDIS_FIRST, VIRIDIS_MIDDLE, VIRIDIS_LAST = (68, 1, 84), (33, 145, 140), (253, 231, 37)

PAGE = "/data/photos/-/matrix"


def data_of(page: str) -> dict:
    """What the page hands to its JavaScript."""
    return json.loads(re.search(r'id="revimg-data">(.*?)</script>', page, re.S)[1])


@pytest.mark.asyncio
async def test_json(ds):
    body = await get_json(ds, PAGE + ".json")
    rows = [row["row"]["id"] for row in body["rows"]]
    assert sorted(rows) == sorted(ANGLES)
    expected = [[round(cosine(first, second), 4) for second in rows] for first in rows]
    assert np.array(body.pop("matrix")) == pytest.approx(np.array(expected), abs=1.1e-4)
    first = body.pop("rows")[0]
    assert first == {
        "row": first["row"],
        "url": f"/data/photos/{rows[0]}",
        "similar_url": f"/data/photos/{rows[0]}/-/similar",
        "thumbnail_url": f"/data/photos/{rows[0]}/-/thumbnail",
    }
    assert body == {
        "ok": True,
        "database": "data",
        "table": "photos",
        "model": "vgg16-rmac",
        "sampled": False,
        "filtered_table_rows_count": len(ANGLES),
    }


@pytest.mark.asyncio
async def test_json_is_written_once(ds, monkeypatch):
    written = []
    original = web_matrix.json_array

    def counted(values):
        written.append(1)
        return original(values)

    monkeypatch.setattr(web_matrix, "json_array", counted)
    first = await ds.client.get(PAGE + ".json")
    second = await ds.client.get(PAGE + ".json")
    assert first.text == second.text
    # The rows each time, the cosines once.
    assert len(written) == 3


@pytest.mark.asyncio
async def test_json_filters_order_and_size(ds):
    body = await get_json(ds, PAGE + ".json?colour=red&_order=key")
    assert [row["row"]["id"] for row in body["rows"]] == [1, 3, 5, 7, 9, 11]
    body = await get_json(ds, PAGE + ".json?_size=4")
    assert len(body["rows"]) == len(body["matrix"]) == len(body["matrix"][0]) == 4
    assert body["sampled"] is True
    assert body["filtered_table_rows_count"] == len(ANGLES)
    page = await ds.client.get(PAGE + "?_size=4")
    assert "4 of 12 rows, a random sample" in page.text
    assert "random sample" not in (await ds.client.get(PAGE)).text


@pytest.mark.asyncio
async def test_page_has_everything_that_its_javascript_needs(ds):
    data = data_of((await ds.client.get(PAGE + "?_order=key")).text)
    assert [key for key, _ in data["rows"]] == [str(number) for number in sorted(ANGLES)]
    assert data["rows"][2][1] == "<script>alert('title')</script>"
    response = await ds.client.get(data["values"])
    values = np.frombuffer(response.content, "<u2") / 32767.5 - 1
    expected = [cosine(a, b) for a in sorted(ANGLES) for b in sorted(ANGLES) if a < b]
    assert values == pytest.approx(expected, abs=2e-5)
    assert [data["palette"][0] >> shift & 255 for shift in (0, 8, 16, 24)] == [*VIRIDIS_FIRST, 255]
    again = await ds.client.get(data["values"], headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.asyncio
async def test_picture_of_the_page(ds):
    page = (await ds.client.get(PAGE + "?_order=key&colour=red")).text
    address = html.unescape(re.search(r'<noscript><img src="([^"]+)"', page)[1])
    response = await ds.client.get(address)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"].startswith("private")
    with Image.open(io.BytesIO(response.content)) as picture:
        side = cell_side(6)
        at = 24 + side // 2
        assert picture.getpixel((at, at)) == VIRIDIS_LAST
        # Of the red ones, 1 at 0° and 7 at 100° are furthest apart.
        assert picture.getpixel((at + 3 * side, at)) == pytest.approx(VIRIDIS_FIRST, abs=8)


@pytest.mark.asyncio
async def test_one_row_and_none(ds):
    body = await get_json(ds, PAGE + ".json?id=7")
    assert body["matrix"] == [[1.0]]
    assert "Only one picture" in (await ds.client.get(PAGE + "?id=7")).text
    body = await get_json(ds, PAGE + ".json?id=77")
    assert (body["rows"], body["matrix"], body["filtered_table_rows_count"]) == ([], [], 0)
    assert "No picture of photos meets these filters" in (await ds.client.get(PAGE + "?id=77")).text
    assert (await ds.client.get(PAGE + ".png?id=77")).status_code == 404
    assert (await ds.client.get(PAGE + ".png?id=7")).status_code == 200


@pytest.mark.asyncio
async def test_never_older_than_the_table(data, ds):
    before = await get_json(ds, PAGE + ".json")
    page = data_of((await ds.client.get(PAGE)).text)
    with sqlite3.connect(data) as conn:
        source = tables.find(conn, "photos")
        conn.execute("insert into photos values (20, 'new', 'red', 2000, x'00')")
        writing.write(conn, source, [entry((20,), 8)], [])
        conn.execute("delete from photos where id = 4")
        # Another picture, in the same second perhaps.
        turned = entry((2,), 11)
        writing.write(
            conn, source, [writing.Embedding(**{**vars(turned), "content_hash": b"2"})], []
        )
    after = await get_json(ds, PAGE + ".json")
    assert {row["row"]["id"] for row in after["rows"]} == {*ANGLES, 20} - {4}
    place = {row["row"]["id"]: index for index, row in enumerate(after["rows"])}
    assert after["matrix"][place[20]][place[1]] == pytest.approx(cosine(8, 1), abs=1e-4)
    assert after["matrix"][place[2]][place[1]] == pytest.approx(cosine(11, 1), abs=1e-4)
    assert len(before["rows"]) == 12
    stale = await ds.client.get(page["values"])
    assert stale.status_code == 409
    assert "load the page again" in stale.text


@pytest.mark.asyncio
async def test_two_databases_with_the_same_names_are_told_apart(data, tmp_path, serve):
    other = tmp_path / "elsewhere"
    other.mkdir()
    with sqlite3.connect(data) as source, sqlite3.connect(other / "data.db") as copy:
        source.backup(copy)
        copy.execute("delete from photos where id > 3")
    one = await get_json(serve(), PAGE + ".json")
    two = await get_json(serve(other / "data.db"), PAGE + ".json")
    assert (len(one["rows"]), len(two["rows"])) == (12, 3)


@pytest.mark.asyncio
async def test_many_at_once_get_the_same(ds):
    answers = await asyncio.gather(*(ds.client.get(PAGE + ".json") for _ in range(8)))
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.asyncio
async def test_in_the_menu_of_the_table(ds):
    page = (await ds.client.get("/data/photos?colour=red&_sort=year&_facet=colour")).text
    assert 'href="/data/photos/-/matrix?colour=red"' in page
    assert 'href="/data/photos/-/map?colour=red"' in page
    assert "/-/matrix" not in (await ds.client.get("/data/plain")).text


@pytest.mark.asyncio
async def test_readme_shows_the_json_as_it_is(ds):
    (shown,) = (json.loads(block) for block in blocks("json", "matrix.json"))
    body = await get_json(ds, PAGE + ".json?_size=2&_order=key")
    assert list(shown) == list(body)
    assert [list(row) for row in shown["rows"]] == [list(row) for row in body["rows"]]
    assert np.shape(shown["matrix"]) == np.shape(body["matrix"])
