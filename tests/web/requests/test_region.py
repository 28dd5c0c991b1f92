"""Search by a region: of a row's picture, and of one that was sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from kit import scenes
from kit.asking import ids
from kit.uploads import PAGE, PICTURE, form, part, post, uploaded

COLLAGE = scenes.COUNT + 1
ROW = f"/scenes/photos/{COLLAGE}/-/similar"
# By the scene that is there.
QUARTERS = {1: "0,0,500,500", 2: "500,0,500,500", 3: "0,500,500,500", 4: "500,500,500,500"}


@pytest.mark.asyncio
@pytest.mark.parametrize(("scene", "region"), QUARTERS.items())
async def test_quarter_finds_the_picture_it_was_made_of(scenes_ds, scene, region):
    body = (await scenes_ds.client.get(f"{ROW}.json?_crop={region}")).json()
    assert ids(body)[0] == scene
    assert body["rows"][0]["score"] > 0.95
    assert body["query"]["crop"] == region
    # The row itself is no answer, as without a region.
    assert COLLAGE not in ids(body)
    sent = await uploaded(
        scenes_ds, scenes.saved(scenes.collage([1, 2, 3, 4])), f"{PAGE}.json?_crop={region}"
    )
    assert ids(sent)[0] == scene
    assert sent["query"]["crop"] == region


@pytest.mark.asyncio
async def test_whole_region_is_no_region(scenes_ds):
    whole = (await scenes_ds.client.get(f"{ROW}.json?_crop=0,0,1000,1000")).json()
    none = (await scenes_ds.client.get(f"{ROW}.json")).json()
    assert ids(whole) == ids(none)
    for one, other in zip(whole["rows"], none["rows"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=2e-3)
    for content in (PICTURE, scenes.saved(scenes.collage([5, 6, 7, 8]))):
        whole = await uploaded(scenes_ds, content, PAGE + ".json?_crop=0,0,1000,1000")
        assert whole["rows"] == (await uploaded(scenes_ds, content))["rows"]


@pytest.mark.asyncio
async def test_region_of_a_file(scenes_ds):
    body = (
        await scenes_ds.client.get("/scenes/files/in~2F3~2Ejpg/-/similar.json?_crop=0,0,900,900")
    ).json()
    assert body["ok"], body
    assert "in/3.jpg" not in [row["row"]["path"] for row in body["rows"]]


@pytest.mark.asyncio
async def test_region_as_a_field_of_the_form(scenes_ds):
    content = scenes.saved(scenes.collage([1, 2, 3, 4]))
    field = part(QUARTERS[2].encode(), "_crop", None)
    response = await post(scenes_ds, form(part(content), field))
    assert ids(response.json())[0] == 2


@pytest.mark.asyncio
async def test_region_with_filters_and_other_rows(scenes_ds):
    every = (await scenes_ds.client.get(f"{ROW}.json?_crop={QUARTERS[2]}")).json()
    red = (await scenes_ds.client.get(f"{ROW}.json?_crop={QUARTERS[2]}&colour=red")).json()
    assert ids(red) == [number for number in ids(every) if number % 2 and number != COLLAGE]
    both = (await scenes_ds.client.get(f"{ROW}.json?_crop={QUARTERS[2]}&like=5")).json()
    assert both["query"]["like"] == ["5"]
    assert not {5, COLLAGE} & set(ids(both))
    assert ids(both) != ids(every)


@pytest.mark.asyncio
async def test_page_shows_the_region(scenes_ds):
    page = (await scenes_ds.client.get(f"{ROW}?_crop=100,200,300,400&colour=red")).text
    assert 'style="left: 10.0%; top: 20.0%; width: 30.0%; height: 40.0%"' in page
    assert f'<a href="{ROW}?colour=red">Whole picture</a>' in page
    assert "Similar to a region of" in page
    assert f'{ROW}.json?_crop=100%2C200%2C300%2C400&amp;colour=red">JSON' in page
    # On to another picture, of which the region would mean nothing.
    assert '/-/similar?colour=red" title="Find similar"' in page
    content = scenes.saved(scenes.collage([1, 2, 3, 4]))
    page = (await post(scenes_ds, form(part(content)), f"{PAGE}?_crop=100,200,300,400")).text
    assert 'style="left: 10.0%; top: 20.0%; width: 30.0%; height: 40.0%"' in page


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["", "1,2,3", "900,0,200,10", "x"])
async def test_bad_regions(scenes_ds, text):
    response = await scenes_ds.client.get(f"{ROW}.json?_crop={text}")
    assert response.status_code == 400
    assert "_crop" in response.json()["error"]


@pytest.mark.asyncio
async def test_picture_that_is_gone(scenes_ds, scenes_db):
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
        response = await scenes_ds.client.get(f"/scenes/{path}/-/similar.json?_crop=0,0,500,500")
        assert response.status_code == status, response.text
        assert str(scenes_db.parent) not in response.text
