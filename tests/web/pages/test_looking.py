"""Search in several ways at once, and with an expanded query: the page and its JSON."""

from __future__ import annotations

import html
import re

import pytest

from kit import scenes, tiers
from kit.asking import check_problem, get_json, ids
from kit.uploads import PAGE, PICTURE, form, part, post, uploaded

pytestmark = pytest.mark.asyncio

COLLAGE = scenes.COUNT + 1
ROW = f"/scenes/photos/{COLLAGE}/-/similar"
# By the scene that is there.
QUARTERS = {1: "0,0,500,500", 2: "500,0,500,500", 3: "0,500,500,500", 4: "500,500,500,500"}
TURNED = {"way": "turns", "part": None, "turned": 90, "mirrored": False}
ALL = ["whole", "windows", "turns", "mirror"]


def parts(body: dict) -> dict[int, str | None]:
    """Return the part of the query that each row was found with, by its id."""
    return {row["row"]["id"]: row["found_with"]["part"] for row in body["rows"]}


async def test_a_row_is_found_with_its_parts(scenes_ds):
    body = await get_json(scenes_ds, ROW + ".json", _ways="windows", _size=4)
    assert set(ids(body)) == set(QUARTERS)
    assert parts(body) == QUARTERS
    assert all(row["score"] > 0.95 for row in body["rows"])
    assert body["query"]["ways"] == ["windows"]
    assert body["filtered_table_rows_count"] == scenes.COUNT


async def test_the_middle_of_a_picture_that_is_sent_is_seen_by_default(scenes_ds):
    """A photograph of a scene on a wall."""
    width, height = scenes.SIZE
    sent = scenes.scene(20, (2 * width, 2 * height))
    sent.paste(scenes.scene(6), (width // 2, height // 2))
    body = await uploaded(scenes_ds, scenes.saved(sent))
    assert body["query"]["ways"] == ["whole", "middle"]
    assert ids(body)[0] == 6
    assert body["rows"][0]["score"] > 0.95
    assert body["rows"][0]["found_with"] == {
        "way": "middle",
        "part": "250,250,500,500",
        "turned": 0,
        "mirrored": False,
    }
    page = await post(scenes_ds, form(part(scenes.saved(sent))), PAGE)
    assert "Searched with the whole picture and its middle." in page.text


async def test_the_parts_of_a_picture_that_is_sent(scenes_ds):
    sent = scenes.saved(scenes.collage([1, 2, 3, 4]))
    body = await uploaded(scenes_ds, sent, PAGE + ".json?_ways=whole,windows")
    assert body["query"]["ways"] == ["whole", "windows"]
    # The row of this collage, and the scenes that it is made of.
    assert ids(body)[0] == COLLAGE
    assert parts(body) | QUARTERS == parts(body)
    assert parts(body)[COLLAGE] is None
    whole = await uploaded(scenes_ds, sent, PAGE + ".json?_ways=whole")
    assert whole["query"]["ways"] == ["whole"]
    assert "found_with" not in whole["rows"][0]


async def test_part_of_a_region_is_a_part_of_the_picture(scenes_ds):
    """The collage in the lower right of something larger, searched with as a region."""
    sent = scenes.scene(20, (4 * scenes.SIZE[0], 4 * scenes.SIZE[1]))
    sent.paste(scenes.collage([1, 2, 3, 4]), (2 * scenes.SIZE[0], 2 * scenes.SIZE[1]))
    path = PAGE + ".json?_crop=500,500,500,500&_ways=windows&_size=4"
    body = await uploaded(scenes_ds, scenes.saved(sent, "PNG"), path)
    assert parts(body) | {1: "500,500,250,250", 4: "750,750,250,250"} == parts(body)


async def test_turned_and_mirrored(scenes_ds):
    lying = scenes.scene(3).transpose(scenes.Image.Transpose.ROTATE_90)
    body = await uploaded(scenes_ds, scenes.saved(lying), PAGE + ".json?_ways=all")
    assert ids(body)[0] == 3
    assert body["rows"][0]["score"] > 0.98
    # Turned to the left, so it stands when it is turned to the right.
    assert body["rows"][0]["found_with"] == TURNED
    assert body["query"]["ways"] == ALL
    mirrored = scenes.scene(3).transpose(scenes.Image.Transpose.FLIP_LEFT_RIGHT)
    body = await uploaded(scenes_ds, scenes.saved(mirrored), PAGE + ".json?_ways=whole,mirror")
    assert ids(body)[0] == 3
    assert body["rows"][0]["found_with"]["mirrored"]
    page = await post(scenes_ds, form(part(scenes.saved(lying))), PAGE + "?_ways=all")
    assert ">Turned 90°</p>" in page.text


async def test_in_all_orientations(scenes_ds):
    """Mirrored and turned at once, which turns and mirror image alone don't find."""
    copy = scenes.scene(3).transpose(scenes.Image.Transpose.FLIP_LEFT_RIGHT)
    copy = scenes.saved(copy.transpose(scenes.Image.Transpose.ROTATE_270))
    body = await uploaded(scenes_ds, copy, PAGE + ".json?_turn=any")
    assert body["query"]["ways"] == ["whole", "middle", "turns", "mirror"]
    assert ids(body)[0] == 3
    assert body["rows"][0]["score"] > 0.98
    # The same is done to it again, to get the row's picture.
    assert body["rows"][0]["found_with"] == {
        "way": "turns",
        "part": None,
        "turned": 90,
        "mirrored": True,
    }
    page = (await post(scenes_ds, form(part(copy)), PAGE + "?_turn=any&_ways=whole")).text
    assert "Searched with the whole picture in all eight orientations." in page
    assert ">Mirrored and turned 90°</p>" in page


async def test_a_row_in_all_orientations_has_the_tiers_of_it_as_it_is(scenes_ds, scenes_db):
    tiers.calibrate(scenes_db, "photos")
    path = "/scenes/photos/3/-/similar"

    async def tiers_of(**parameters):
        body = await get_json(scenes_ds, path + ".json", **parameters)
        return {row["row"]["id"]: row["tier"] for row in body["rows"]}

    plain = await tiers_of()
    assert None not in plain.values()
    assert await tiers_of(_turn="any") == plain
    assert set((await tiers_of(_ways="turns")).values()) == {None}
    page = (await scenes_ds.client.get(path + "?_turn=any&_size=3")).text
    assert f'href="{path}?_size=3">Don’t turn it' in html.unescape(page)
    # A query of one's own is no copy of one's own.
    assert re.search(r'href="/scenes/photos/\d+/-/similar\?_size=3" title="Find similar"', page)
    page = (await scenes_ds.client.get(path + "?_size=3")).text
    assert f'href="{path}?_size=3&amp;_turn=any">Find turned copies' in page
    words = ("_turn must be any, for all eight orientations, not '90'",)
    await check_problem(scenes_ds, path + "?_turn=90", 400, *words)


async def test_refined_filtered_and_as_arrays(scenes_ds):
    body = await get_json(
        scenes_ds, ROW + ".json", _ways="windows", colour="red", unlike=3, _shape="arrays"
    )
    assert body["columns"][:4] == ["score", "percentile", "tier", "found_with"]
    keys = [row[body["columns"].index("id")] for row in body["rows"]]
    assert keys[0] == 1
    assert 3 not in keys
    assert all(key % 2 for key in keys)
    assert body["rows"][0][3]["part"] == QUARTERS[1]


async def test_page_says_and_shows_what_a_result_was_found_with(scenes_ds):
    response = await scenes_ds.client.get(ROW + "?_ways=all&_size=4")
    text = html.unescape(response.text)
    assert (
        "Searched with the whole picture, 5 overlapping parts, 3 turns and its mirror image."
        in text
    )
    assert "Found with the upper left part" in text
    # Each result's number leads to a box on the query's picture, where that part is.
    numbers = re.findall(r'<li data-box="(\d+)">', text)
    boxes = dict(re.findall(r'revimg-box" data-box="(\d+)" style="([^"]+)"', text))
    assert len(set(numbers)) == 4
    assert set(numbers) == set(boxes)
    assert set(boxes.values()) == {
        f"left: {x}.0%; top: {y}.0%; width: 50.0%; height: 50.0%" for x in (0, 50) for y in (0, 50)
    }


async def test_switch_on_and_off(scenes_ds):
    text = (await scenes_ds.client.get(ROW + "?_size=3")).text
    assert f'href="{ROW}?_size=3&amp;_ways=all">Look closer' in text
    assert "data-box" not in text
    text = (await scenes_ds.client.get(ROW + "?_size=3&_ways=all")).text
    assert re.search(rf'href="{ROW}\?_size=3"[^>]*>Look once', text)
    # Not for the pictures of other rows, whose originals may not be at hand.
    assert re.search(r'href="/scenes/photos/\d+/-/similar\?_size=3" title="Find similar"', text)
    text = (await scenes_ds.client.get(PAGE)).text
    assert f'href="{PAGE}?_ways=all">Look closer' in text
    text = html.unescape((await scenes_ds.client.get(PAGE + "?_ways=all")).text)
    assert "Your picture will be looked at in parts, turned and mirrored." in text
    assert f'action="{PAGE}?_ways=all"' in text
    text = html.unescape((await scenes_ds.client.get(PAGE + "?_turn=any")).text)
    assert "Your picture will be looked at in all eight orientations." in text
    assert f'action="{PAGE}?_turn=any"' in text


async def test_bad_ways(scenes_ds):
    words = ("'upside'", "the ways are whole, middle, windows, turns, mirror")
    await check_problem(scenes_ds, ROW + "?_ways=upside", 400, *words)
    await check_problem(scenes_ds, ROW + "?_ways=", 400, "the ways are")
    small = scenes.saved(scenes.scene(3).resize((100, 80)))
    response = await post(scenes_ds, form(part(small)), PAGE + ".json?_ways=windows")
    assert response.status_code == 400
    assert "100 × 80 pixels, too few to look at parts" in response.json()["error"]
    for path in (PAGE + ".json", PAGE + ".json?_ways=all"):
        ways = (await uploaded(scenes_ds, small, path))["query"]["ways"]
        assert not {"middle", "windows"} & set(ways)


async def test_original_that_is_gone(scenes_ds, scenes_db):
    """The stored vector needs no original; a closer look does."""
    path = "/scenes/files/in~2F3~2Ejpg/-/similar"
    (scenes_db.parent / "in" / "3.jpg").unlink()
    assert (await scenes_ds.client.get(path)).status_code == 200
    await check_problem(scenes_ds, path + "?_ways=all", 410, "moved, deleted or changed")


async def test_switched_off_with_search_by_image(serve, scenes_db):
    ds = serve(scenes_db, config={"plugins": {"datasette-revimg": {"upload": False}}})
    await check_problem(ds, ROW + "?_ways=all", 403, "switched off")
    text = (await ds.client.get(ROW)).text
    assert "Look closer" not in text
    assert "Add the 5 best results" in text


async def test_expanded_query(scenes_ds):
    plain = await get_json(scenes_ds, ROW + ".json")
    body = await get_json(scenes_ds, ROW + ".json", _expand=3)
    assert body["query"]["expanded_with"] == [str(key) for key in ids(plain)[:3]]
    assert "expanded_with" not in plain["query"]
    # They are more similar to the query that they are a part of.
    before = {row["row"]["id"]: row["score"] for row in plain["rows"]}
    after = {row["row"]["id"]: row["score"] for row in body["rows"]}
    assert all(after[key] > before[key] for key in ids(plain)[:3])
    text = (await scenes_ds.client.get(ROW + "?_expand=3")).text
    assert "The query is mixed with its 3 best results." in text
    assert re.search(rf'href="{ROW}"[^>]*>Don’t add them', text)
    sent = await uploaded(scenes_ds, PICTURE, PAGE + ".json?_expand=2&_ways=whole")
    assert sent["query"]["expanded_with"][0] == "3"


@pytest.mark.parametrize("number", ["0", "51", "-1", "five", "5.0"])
async def test_bad_expansion(scenes_ds, number):
    words = ("_expand must be a whole number from 1 to 50",)
    await check_problem(scenes_ds, f"{ROW}?_expand={number}", 400, *words)
