"""What scores mean, on the pages and in their JSON, and the line between copies and lookalikes."""

from __future__ import annotations

import html
import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from datasette_revimg.pictures.identity import Identity
from datasette_revimg.search import similar
from datasette_revimg.search.similar import Question
from datasette_revimg.store import tables
from kit import tiers
from kit.asking import cookies, get_json, ids
from kit.geometry import ANGLES, nearest, vector
from kit.pictures import encoded
from kit.scenes import saved, scene
from kit.tiers import PLAIN, TIERS
from kit.uploads import PAGE as UPLOAD
from kit.uploads import form, part, post

pytestmark = pytest.mark.asyncio

PAGE = "/data/photos/1/-/similar"


@pytest.fixture
def calibrated(data, serve):
    """The photos of known angles, calibrated so that their tiers are known."""
    tiers.build(data)
    ds = serve()
    ds.root_enabled = True
    return ds


def tiers_of(body):
    return {row["row"]["id"]: row["tier"] for row in body["rows"]}


def sections(page):
    """The headings of the results, each with the titles below it."""
    heading, found = None, {}
    for level, link in re.findall(
        r"<h[23]>([^<]*)</h[23]>|class=\"revimg-label\"><a [^>]*>([^<]*)", page
    ):
        heading = level or heading
        if link and heading:
            found.setdefault(heading, []).append(link)
    return found


def titles(numbers):
    return [
        "&lt;script&gt;alert(&#39;title&#39;)&lt;/script&gt;" if n == 3 else f"Picture {n}"
        for n in numbers
    ]


async def test_tiers_of_the_rows(calibrated):
    body = await get_json(calibrated, f"{PAGE}.json")
    assert tiers_of(body) == TIERS
    assert ids(body) == nearest(1)
    arrays = await get_json(calibrated, f"{PAGE}.json", _shape="arrays")
    place = arrays["columns"].index("tier")
    assert [row[place] for row in arrays["rows"]] == [TIERS[number] for number in nearest(1)]


async def test_the_line_between_copies_and_lookalikes(calibrated):
    page = (await calibrated.client.get(PAGE)).text
    found = sections(page)
    assert found["Copies"] == titles([8, 3, 10, 5])
    assert found["Lookalikes"] == titles([6, 12, 9, 2, 11, 7, 4])
    assert "Of the pictures without a copy in photos, at most 1 in 100 has anything here." in page
    assert re.search(r">same picture <span[^>]*>0.9998</span>", page)
    assert re.search(r">same file <span[^>]*>0.9976</span>", page)
    assert re.search(r">too plain to tell <span[^>]*>0.9877</span>", page)
    # No percentages but in what one may point at.
    assert not re.search(r">[^<]*\d %", page)
    assert 'title="More similar than' in page
    # Under another heading, they are one level lower.
    page = (await calibrated.client.get(f"{PAGE}?_min=0.95")).text
    assert "<h3>Copies</h3>" in page
    # Whoever sees only lookalikes learns that.
    page = (await calibrated.client.get(f"{PAGE}?id__in=12,9")).text
    assert sections(page) == {"Lookalikes": titles([12, 9])}
    assert "None of these scores as high as a copy." in page


async def test_a_table_that_is_not_calibrated(data, serve):
    tiers.build(data)
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("drop table _revimg_calibration")
    ds = serve()
    ds.root_enabled = True
    body = await get_json(ds, f"{PAGE}.json")
    assert set(tiers_of(body).values()) == {None}
    assert (await get_json(ds, f"{PAGE}.json", _min=0.99))["minimum"]["tier"] is None
    page = (await ds.client.get(PAGE)).text
    assert re.search(r'>0.9998 <span title="More similar than [\d.]+ % of all pairs', page)
    assert "Lookalikes" not in page
    command = "datasette revimg calibrate data.db photos"
    assert command not in page
    page = (await ds.client.get(PAGE, cookies=cookies(ds, "root"))).text
    assert page.count(command) == 1


async def test_nobody_is_asked_to_calibrate_again(calibrated):
    page = (await calibrated.client.get(PAGE, cookies=cookies(calibrated, "root"))).text
    assert "revimg calibrate" not in page


async def test_a_picture_that_holds_too_little_to_tell(calibrated, data):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute(
            "update _revimg_photos set content_hash = "
            f"(select content_hash from _revimg_photos where id = {PLAIN}) where id = 12"
        )
    here = f"/data/photos/{PLAIN}/-/similar"
    # The same file is the same file whatever it shows.
    expected = {number: "same file" if number == 12 else None for number in nearest(PLAIN)}
    assert tiers_of(await get_json(calibrated, f"{here}.json")) == expected
    page = (await calibrated.client.get(here)).text
    assert sections(page)["Copies"] == titles([12])
    assert "The picture is blank or almost of one colour" in page
    assert "The same file, byte for byte." in page
    # What is known of the others is what is known of every table.
    assert re.search(r">0.9903 <span[^>]*>[\d.]+ %</span>", page)
    body = await get_json(calibrated, f"/data/photos/1/-/compare.json?with={PLAIN}")
    assert body["tier"] is None
    page = (await calibrated.client.get(f"/data/photos/1/-/compare?with={PLAIN}")).text
    assert "too plain to tell copies: blank, or almost of one colour" in page


async def test_several_pictures_have_no_tier(calibrated):
    """The calibration is one of pairs of pictures."""
    for parameters in ({"like": "8"}, {"unlike": "4"}, {"_expand": "2"}):
        body = await get_json(calibrated, f"{PAGE}.json", _min=0.1, **parameters)
        assert set(tiers_of(body).values()) == {None}
        assert body["minimum"]["tier"] is None
    page = (await calibrated.client.get(f"{PAGE}?like=8")).text
    assert "Lookalikes" not in page


async def test_too_few_pictures_to_vouch_for_copies(calibrated, data):
    """Of 50 pictures, 1 in 10 is 5, two for the one in question: 3 score above .6."""
    tiers.calibrate(data, "photos", [0.6] * 47 + [0.9] * 3)
    found = tiers_of(await get_json(calibrated, f"{PAGE}.json"))
    expected = dict.fromkeys((8, 10, 5, 12, 9), "similar") | {3: "same file"}
    assert found == {number: expected.get(number) for number in nearest(1)}
    page = (await calibrated.client.get(PAGE)).text
    assert sections(page)["Copies"] == titles([3])
    assert "The same file, byte for byte." in page
    assert "photos has too few pictures to tell edited copies from others: 199 are needed." in page


@pytest.mark.parametrize(
    ("minimum", "tier"),
    [("0.98", "same picture"), ("0.95", "edited copy"), ("0.6", "similar"), ("0.4", None)],
)
async def test_the_tier_of_the_threshold(calibrated, minimum, tier):
    body = await get_json(calibrated, f"{PAGE}.json", _min=minimum)
    assert body["minimum"]["tier"] == tier
    page = (await calibrated.client.get(f"{PAGE}?_min={minimum}")).text
    assert f'<span class="revimg-tier">{tier or ""}</span>' in page


@pytest.mark.parametrize(("other", "tier"), [(3, "same file"), (10, "edited copy"), (2, None)])
async def test_two_pictures_compared(calibrated, other, tier):
    body = await get_json(calibrated, f"/data/photos/1/-/compare.json?with={other}")
    assert body["tier"] == tier
    page = (await calibrated.client.get(f"/data/photos/1/-/compare?with={other}")).text
    facts = " ".join(re.sub("<[^>]*>", "", page[page.index('class="revimg-facts"') :]).split())
    assert (f"· {tier} ·" in facts) == (tier is not None)
    assert ("% of all pairs" in facts) == (tier is None)


async def test_a_calibration_of_another_network_says_nothing(calibrated, data):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("update _revimg_calibration set weights_sha256 = 'another'")
    assert set(tiers_of(await get_json(calibrated, f"{PAGE}.json")).values()) == {None}


async def test_a_part_of_a_picture_has_no_tier_of_its_own(calibrated, data):
    """Searched with two vectors, row 4 is found with the second; the whole is far from it."""
    with closing(sqlite3.connect(data)) as conn:
        question = Question(
            row=None,
            size=11,
            vector=np.stack([vector(ANGLES[1]), vector(ANGLES[4])]),
            picture=Identity(None, saved(scene(1), "WEBP")),
        )
        found = similar.answer(conn, tables.find(conn, "photos"), question)
    scores = {row.key[0]: row.score for row in found.rows}
    assert scores[4] == pytest.approx(1, abs=1e-6)
    assert found.tiers.of((4,)) is None
    assert {found.tiers.of((number,)) for number in (1, 8)} == {"same picture"}
    assert found.tiers.of((12,)) == "similar"


async def test_an_uploaded_picture(scenes_db, serve):
    """The file of a row is that row's file; another one has the tier that its cosine has."""
    tiers.calibrate(scenes_db, "photos", [-1.0] * 989 + [1.0] * 10)
    ds = serve(scenes_db)
    with closing(sqlite3.connect(scenes_db)) as conn:
        (stored,) = conn.execute("select picture from photos where id = 3").fetchone()
    response = await post(ds, form(part(stored)), UPLOAD + ".json?_size=2")
    found = tiers_of(response.json())
    assert found[3] == "same file"
    # All that chance reaches is -1, but for 1 in 100.
    assert set(found.values()) == {"same file", "similar"}
    changed = encoded(scene(3), "JPEG", quality=60)
    response = await post(ds, form(part(changed)), UPLOAD + ".json?_size=1")
    assert tiers_of(response.json()) == {3: "similar"}
    # A region is no picture of the table's kind, and a blank picture holds too little to tell.
    response = await post(ds, form(part(stored)), UPLOAD + ".json?_size=1&_crop=0,0,500,500")
    assert set(tiers_of(response.json()).values()) == {None}
    blank = saved(scene(3).resize((1, 1)).resize((64, 64)), "PNG")
    response = await post(ds, form(part(blank)), UPLOAD + "?_size=2")
    assert "The picture is blank or almost of one colour" in html.unescape(response.text)
