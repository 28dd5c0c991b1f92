"""Two rows compared: the page, its JSON, the pictures in large, and who may see them."""

from __future__ import annotations

import asyncio
import html
import io
import re
import sqlite3
from contextlib import closing
from urllib.parse import quote, urlencode

import numpy as np
import pytest
from datasette.utils import tilde_encode
from PIL import Image

from datasette_revimg.models.network import Network
from datasette_revimg.pictures.isolated import IsolatedDecoder
from datasette_revimg.search import pair
from datasette_revimg.web.work import renditions
from datasette_revimg.web.work.kept import Kept
from datasette_revimg.web.work.room import Room
from datasette_revimg.web.work.state import RENDITION_QUEUE, state_of
from kit import scenes
from kit.asking import cookies
from kit.geometry import ANGLES, AWKWARD, DAMAGED, NO_PICTURE, cosine, nearest, share_below

pytestmark = pytest.mark.asyncio

A, B = "/data/photos/1/-/compare", "/data/photos/3/-/compare"


async def body(ds, path, status=200, **arguments):
    response = await ds.client.get(path, **arguments)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    return response.json()


async def page(ds, path, status=200, **arguments):
    response = await ds.client.get(path, **arguments)
    assert response.status_code == status, response.text
    return response.text


def link(text, rel):
    found = re.search(rf'<a[^>]*rel="{rel}"[^>]*>', text)
    return html.unescape(re.search('href="([^"]*)"', found[0])[1]) if found else None


async def test_json(ds):
    assert await body(ds, f"{A}.json?with=8") == {
        "ok": True,
        "database": "data",
        "table": "photos",
        "model": "vgg16-rmac",
        "a": {
            "row": {"id": 1, "title": "Picture 1", "colour": "red", "year": 1981},
            "url": "/data/photos/1",
            "similar_url": "/data/photos/1/-/similar",
            "thumbnail_url": "/data/photos/1/-/thumbnail",
        },
        "b": {
            "row": {"id": 8, "title": "Picture 8", "colour": "blue", "year": 1988},
            "url": "/data/photos/8",
            "similar_url": "/data/photos/8/-/similar",
            "thumbnail_url": "/data/photos/8/-/thumbnail",
        },
        "score": pytest.approx(cosine(1, 8), abs=1e-6),
        "percentile": pytest.approx(share_below(cosine(1, 8)), abs=2.6),
        # The pictures are of one colour.
        "tier": None,
        "differences": ["id", "title", "colour", "year"],
    }


async def test_both_ways_alike(ds):
    one = await body(ds, f"{A}.json?with=3")
    other = await body(ds, f"{B}.json?with=1")
    assert one["score"] == pytest.approx(other["score"], abs=1e-7)
    assert (one["a"], one["b"]) == (other["b"], other["a"])
    assert one["differences"] == other["differences"] == ["id", "title", "year"]


async def test_differences_of_all_kinds(ds, data):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("alter table photos add column what")
        values = [None, 1, 1.0, "1", b"1", float("inf")]
        for number, value in zip((1, 2, 3, 4, 5, 6), values, strict=True):
            conn.execute("update photos set what = ? where id = ?", [value, number])

    async def differs(a, b):
        found = await body(ds, f"/data/photos/{a}/-/compare.json?with={b}")
        return "what" in found["differences"]

    assert not await differs(2, 3)  # 1 and 1.0 are one number
    assert await differs(2, 4)  # and "1" is a text
    assert await differs(1, 2)
    assert await differs(1, 5)
    assert await differs(4, 5)
    assert await differs(2, 6)
    assert not await differs(7, 8)  # both NULL
    infinite = await body(ds, "/data/photos/6/-/compare.json?with=2")
    assert infinite["a"]["row"]["what"] is None
    assert "binary data" in await page(ds, "/data/photos/4/-/compare?with=5")
    assert "<em>null</em>" in await page(ds, f"{A}?with=2")


async def test_page(ds):
    text = await page(ds, f"{A}?with=8")
    assert "<h1>Picture 1 and Picture 8</h1>" in text
    assert f"<strong>{cosine(1, 8):.4f}</strong>" in text
    for address in ("/data/photos/1", "/data/photos/8"):
        assert f'href="{address}"' in text
        assert f'href="{address}/-/similar"' in text
        assert f'src="{address}/-/picture"' in text
    # 40×60 and 60×40 pixels: known before the pictures are.
    assert re.search(r'src="/data/photos/1/-/picture"[^>]* width="40" height="60"', text)
    assert re.search(r'src="/data/photos/8/-/picture"[^>]* width="60" height="40"', text)
    assert text.count('class="revimg-differs"') == 4
    assert text.count('aria-label="differs"') == 4
    assert 'href="/data/photos/1/-/compare.json?with=8"' in text
    assert re.search(r"more similar than 9\d\.\d % of all pairs", text)


async def test_values_are_escaped(ds):
    text = await page(ds, f"{A}?with=3")
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert") >= 3


async def test_no_percentile_where_no_pairs_were_sampled(data, serve):
    conn = sqlite3.connect(data)
    with conn:
        conn.execute("update _revimg_photos_basis set background = null")
    conn.close()
    ds = serve()
    assert (await body(ds, f"{A}.json?with=8"))["percentile"] is None
    assert "of all pairs" not in await page(ds, f"{A}?with=8")


async def test_long_values_and_links(ds, data):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("update photos set title = ? where id = 1", ["x" * 5000])
        conn.execute("update photos set colour = 'https://example.com/?a=1&b' where id = 1")
        conn.execute("update photos set colour = 'javascript:alert(1)' where id = 8")
    text = await page(ds, f"{A}?with=8")
    limit = ds.setting("truncate_cells_html")
    assert "x" * limit + "…" in text
    assert '<a href="https://example.com/?a=1&amp;b">' in text
    assert 'href="javascript' not in text


async def test_steps_through_the_neighbours(ds):
    """Next, next, … visits them all, best first, and previous goes back."""
    order = nearest(1)
    text = await page(ds, f"{A}?with={order[0]}")
    assert link(text, "prev") is None
    assert link(text, "up") == "/data/photos/1/-/similar"
    visited = [order[0]]
    while forward := link(text, "next"):
        number = int(forward.rpartition("=")[2])
        previous = visited[-1]
        visited.append(number)
        text = await page(ds, forward)
        assert f"{len(visited)} of {len(order)}" in text
        assert link(text, "prev") == f"{A}?with={previous}"
    assert visited == order


async def test_steps_keep_why(ds):
    first, second, third = nearest(1)[:3]
    text = await page(ds, f"{A}?with={second}&_why=1")
    assert link(text, "prev") == f"{A}?with={first}&_why=1"
    assert link(text, "next") == f"{A}?with={third}&_why=1"


async def test_beyond_the_neighbours(ds, monkeypatch):
    monkeypatch.setattr(pair, "NEIGHBOURS", 3)
    order = nearest(1)
    text = await page(ds, f"{A}?with={order[5]}")
    assert "3 most similar" in text
    assert link(text, "prev") == f"{A}?with={order[2]}"
    assert link(text, "next") is None
    assert link(await page(ds, f"{A}?with={order[2]}"), "next") is None


async def test_with_itself(ds):
    found = await body(ds, f"{A}.json?with=1")
    assert found["score"] == pytest.approx(1, abs=1e-6)
    assert found["differences"] == []
    text = await page(ds, f"{A}?with=1")
    assert "All columns are the same" in text
    assert link(text, "next") == f"{A}?with={nearest(1)[0]}"
    assert link(text, "prev") is None


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "with=KEY"),
        ("with=", 400, "with=KEY"),
        ("with=2&with=3", 400, "not 2"),
        ("with=99", 400, "no row 99"),
        ("with=1,2", 400, "no row 1, 2"),
        (f"with={NO_PICTURE}", 400, "no picture"),
        (f"with={DAMAGED}", 400, "truncated"),
    ],
)
@pytest.mark.parametrize("name", ["compare", "why"])
async def test_bad_partner(ds, name, query, status, words):
    found = await body(ds, f"/data/photos/1/-/{name}.json?{query}", status)
    assert words in found["error"]
    assert found["status"] == status
    assert not found["ok"]
    text = await page(ds, f"/data/photos/1/-/{name}?{query}", status)
    assert words in html.unescape(text)


@pytest.mark.parametrize("name", ["compare", "why"])
async def test_vanished_row(ds, data, name):
    assert "no row 99" in (await body(ds, f"/data/photos/99/-/{name}.json?with=1", 404))["error"]
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("delete from photos where id = 3")
    assert "no row 3" in (await body(ds, f"/data/photos/3/-/{name}.json?with=1", 404))["error"]
    assert "no row 3" in (await body(ds, f"/data/photos/1/-/{name}.json?with=3", 400))["error"]


async def test_table_that_is_not_embedded(ds):
    found = await body(ds, "/data/plain/1/-/compare.json?with=2", 404)
    assert "not embedded yet" in found["error"]


@pytest.mark.parametrize("name", ["compare?with=2", "picture", "why?with=2"])
async def test_only_reading(ds, name):
    response = await ds.client.post(f"/data/photos/1/-/{name}")
    # 0.65 asks for a token before it asks us.
    assert response.status_code in (403, 405)


@pytest.mark.parametrize("number", AWKWARD)
async def test_awkward_keys(ds, number):
    """From the page of similar pictures to the comparison, and to the pictures."""
    path = f"/data/awkward/{tilde_encode(AWKWARD[number])}"
    similar = await page(ds, f"{path}/-/similar")
    links = [html.unescape(a) for a in re.findall('href="([^"]*/-/compare[^"]*)"', similar)]
    assert len(links) == len(AWKWARD) - 1
    for address, other in zip(links, nearest(number, AWKWARD), strict=True):
        name, _, query = address.partition("?")
        found = await body(ds, f"{name}.json?{query}")
        assert found["a"]["row"]["name"] == AWKWARD[number]
        assert found["b"]["row"]["name"] == AWKWARD[other]
        assert found["score"] == pytest.approx(cosine(number, other), abs=1e-6)
    assert (await ds.client.get(f"{path}/-/picture")).status_code == 200


async def test_compound_and_missing_keys(ds):
    both = f"5,{tilde_encode('b/5')}"
    query = urlencode({"with": both})
    found = await body(ds, f"/data/pairs/1,{tilde_encode('b/1')}/-/compare.json?{query}")
    assert found["b"]["url"] == f"/data/pairs/{both}"
    assert found["score"] == pytest.approx(cosine(1, 5), abs=1e-6)
    assert (await body(ds, "/data/pairs/1/-/compare.json?with=5", 404))["status"] == 404
    found = await body(ds, "/data/keyless/1/-/compare.json?with=5")
    assert found["differences"] == ["rowid", "words"]


async def test_base_url(serve):
    ds = serve(settings={"base_url": "/below/"})
    text = await page(ds, "/data/photos/1/-/compare?with=8&_why=1")
    addresses = re.findall(r'(?:href|src|data-(?:src|json|show|hide|thumbnail))="([^"#]*)"', text)
    local = [address for address in addresses if "://" not in address]
    assert len(local) > 15
    assert all(address.startswith("/below/") for address in local), local
    assert not any("/below/below/" in address for address in local)
    assert "url('/below/data/photos/1/-/thumbnail')" in text


async def test_permissions(serve):
    """403 before anything is said about rows; the pictures and their reasons are as private."""
    ds = serve(config={"databases": {"data": {"tables": {"photos": {"allow": {"id": "root"}}}}}})
    for row in (1, 99):
        for name in ("compare?with=2", "compare", "why?with=2", "picture"):
            response = await ds.client.get(f"/data/photos/{row}/-/{name}")
            assert response.status_code == 403
            assert "Picture" not in response.text
        for name in ("compare.json?with=99", "why.json?with=2"):
            found = await body(ds, f"/data/photos/{row}/-/{name}", 403)
            assert "row" not in found["error"]
    signed_in = cookies(ds, "root")
    assert "🔒" in await page(ds, f"{A}?with=2", cookies=signed_in)
    response = await ds.client.get("/data/photos/1/-/picture", cookies=signed_in)
    assert response.status_code == 200
    assert response.headers["cache-control"].startswith("private")


@pytest.mark.parametrize("threads", [0, 3])
async def test_any_number_of_threads_and_immutable(serve, data, threads):
    ds = serve(immutables=[str(data)], settings={"num_sql_threads": threads})
    assert (await body(ds, f"{A}.json?with=8"))["ok"]
    assert (await ds.client.get("/data/photos/1/-/picture")).status_code == 200


# The pictures -----------------------------------------------------------------------------


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def put(data, number, picture):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("update photos set picture = ? where id = ?", [picture, number])


async def opened(ds, path="/data/photos/1/-/picture"):
    response = await ds.client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["x-content-type-options"] == "nosniff"
    return Image.open(io.BytesIO(response.content))


async def test_picture_is_large_and_upright(ds, data):
    wide = Image.new("RGB", (3000, 1500), "red")
    wide.paste((0, 0, 255), (0, 0, 1500, 1500))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what is at the left belongs to the top
    put(data, 1, saved(wide, "JPEG", exif=exif))
    with await opened(ds) as image:
        assert image.size == (800, 1600)
        assert image.mode == "RGB"
        assert not image.getexif()
        pixels = np.asarray(image).astype(int)
    assert pixels[100, 400, 2] > 200 > 50 > pixels[100, 400, 0]
    assert pixels[1500, 400, 0] > 200 > 50 > pixels[1500, 400, 2]


async def test_size_on_the_page_is_that_of_the_picture(ds, data):
    for original in ((3001, 1499), (1600, 900), (7, 5000)):
        put(data, 1, saved(Image.new("RGB", original)))
        with await opened(ds) as image:
            width, height = renditions.size(original)
            # Pillow keeps the aspect as well as whole pixels can.
            assert abs(image.width - width) <= 1
            assert abs(image.height - height) <= 1
            assert max(image.size) <= 1600


async def test_small_pictures_are_not_enlarged(ds):
    with await opened(ds) as image:
        assert image.size == (40, 60)


async def test_nothing_that_is_stored_is_sent(ds, data):
    """Not the comment, not the profile, nor what hides behind the picture."""
    secret = b"<script>alert('stored')</script>"
    picture = saved(Image.new("RGB", (64, 64), "green"), "JPEG", comment=secret, icc_profile=secret)
    put(data, 1, picture + secret)
    response = await ds.client.get("/data/photos/1/-/picture")
    assert response.status_code == 200
    assert b"script" not in response.content


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not a picture"),
        (saved(Image.new("RGB", (200, 200), "red"), "JPEG")[:500], "damaged"),
        (b"", "empty"),
    ],
)
async def test_what_is_no_picture(ds, data, stored, words):
    put(data, 1, stored)
    text = await page(ds, "/data/photos/1/-/picture", 422)
    assert words in text
    assert "<svg xmlns" not in text
    # Its vector is still there: the page shows the thumbnail.
    assert "/data/photos/1/-/thumbnail" in await page(ds, f"{A}?with=8")


async def test_pictures_that_are_too_large(ds, data):
    put(data, 1, saved(Image.new("1", (13_400, 13_400))))
    assert "too large" in await page(ds, "/data/photos/1/-/picture", 422)


async def test_no_picture(ds):
    assert "no picture" in await page(ds, f"/data/photos/{NO_PICTURE}/-/picture", 404)
    assert "no row 99" in await page(ds, "/data/photos/99/-/picture", 404)
    assert "no row 1, 2" in await page(ds, "/data/photos/1,2/-/picture", 404)


async def test_etag(ds, data, monkeypatch):
    made = []
    real = IsolatedDecoder.draw_rendition

    def counted(*arguments):
        made.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(IsolatedDecoder, "draw_rendition", counted)
    path = "/data/photos/1/-/picture"
    first = await ds.client.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"].startswith("private, max-age=")
    assert "Cookie" in first.headers["vary"]
    again = await ds.client.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
    assert again.status_code == 304
    assert again.content == b""
    # Whoever has it costs no decoding.
    assert len(made) == 1
    put(data, 1, saved(Image.new("RGB", (9, 9))))
    changed = await ds.client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_files(serve, scenes_db):
    ds = serve(scenes_db)
    path = f"/scenes/files/{tilde_encode('in/3.jpg')}/-/picture"
    with await opened(ds, path) as image:
        expected = scenes.scene(3)
        assert image.size == expected.size
        difference = np.asarray(image).astype(int) - np.asarray(expected)
    assert np.abs(difference).mean() < 5
    (scenes_db.parent / "in" / "3.jpg").unlink()
    text = await page(ds, path, 410)
    assert "moved, deleted or changed" in text
    assert str(scenes_db.parent) not in text


async def test_files_outside_the_folder(serve, scenes_db, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes(saved(Image.new("RGB", (9, 9))))
    ds = serve(scenes_db)
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("insert into files values (?, 'x')", [str(outside)])
    await page(ds, f"/scenes/files/{tilde_encode(str(outside))}/-/picture", 403)


async def test_one_is_decoded_at_a_time(ds, monkeypatch):
    """The event loop goes on meanwhile, and who comes when all is full is told so."""
    import threading

    gate, running, most = threading.Event(), [], []

    def slow(decoder, data, side):
        running.append(1)
        most.append(len(running))
        assert gate.wait(20)
        running.pop()
        return b"webp"

    monkeypatch.setattr(IsolatedDecoder, "draw_rendition", slow)
    limit = RENDITION_QUEUE
    asking = [
        asyncio.create_task(ds.client.get(f"/data/photos/{1 + n % 12}/-/picture"))
        for n in range(limit + 3)
    ]
    while sum(task.done() for task in asking) < 3:
        await asyncio.sleep(0.01)
    assert (await ds.client.get("/-/versions.json")).status_code == 200
    refused = [task.result() for task in asking if task.done()]
    assert {response.status_code for response in refused} == {503}
    assert "Retry-After" in refused[0].headers
    gate.set()
    statuses = [(await task).status_code for task in asking]
    assert sorted(statuses) == [200] * limit + [503] * 3
    assert max(most) == 1


# Why ----------------------------------------------------------------------------------------


WHY = "/scenes/photos/1/-/why"


async def test_why(scenes_ds):
    found = await body(scenes_ds, f"{WHY}.json?with=13")
    grids = [np.array(found[side]["heat"]) for side in ("a", "b")]
    for grid in grids:
        # The scenes are 4:3: 320 × 224 pixels, of which each cell has 32 × 32.
        assert grid.shape == (7, 10)
        # 70 numbers, rounded to six places.
        assert grid.sum() == pytest.approx(found["score"], abs=70e-6)
    compared = await body(scenes_ds, "/scenes/photos/1/-/compare.json?with=13")
    assert found["score"] == pytest.approx(compared["score"], abs=1e-4)
    assert found["a"]["why_url"] == f"{WHY}?with=13"
    assert found["b"]["why_url"] == "/scenes/photos/13/-/why?with=1"


async def test_each_quarter_is_hottest_beside_its_own_scene(scenes_ds):
    """Row 13 is a collage of the rows 1 to 4."""
    shares = []
    for row in (1, 2, 3, 4):
        found = await body(scenes_ds, f"/scenes/photos/13/-/why.json?with={row}")
        heat = np.array(found["a"]["heat"])
        quarters = heat[:3, :5], heat[:3, 5:], heat[4:, :5], heat[4:, 5:]
        shares.append([quarter.sum() / heat.sum() for quarter in quarters])
    assert np.argmax(shares, axis=0).tolist() == [0, 1, 2, 3]


async def test_why_both_ways(scenes_ds):
    one = await body(scenes_ds, f"{WHY}.json?with=2")
    other = await body(scenes_ds, "/scenes/photos/2/-/why.json?with=1")
    assert one["a"] == other["b"]
    assert one["b"] == other["a"]
    assert one["score"] == pytest.approx(other["score"])


async def test_overlay(scenes_ds):
    response = await scenes_ds.client.get(f"{WHY}?with=2")
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["cache-control"].startswith("private")
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.mode == "RGBA"
    again = await scenes_ds.client.get(
        f"{WHY}?with=2", headers={"If-None-Match": response.headers["etag"]}
    )
    assert again.status_code == 304
    other = await scenes_ds.client.get(f"{WHY}?with=3")
    assert other.headers["etag"] != response.headers["etag"]


@pytest.fixture
def runs(monkeypatch):
    """The pictures that the network was run for."""
    seen = []
    actual = Network.encode

    def counted(self, pictures, **options):
        seen.extend(pictures)
        return actual(self, pictures, **options)

    monkeypatch.setattr(Network, "encode", counted)
    return seen


async def test_maps_are_made_once(scenes_ds, runs):
    await asyncio.gather(
        scenes_ds.client.get(f"{WHY}?with=2"), scenes_ds.client.get("/scenes/photos/2/-/why?with=1")
    )
    assert len(runs) == 2
    await scenes_ds.client.get(f"{WHY}?with=3")
    assert len(runs) == 3


async def test_maps_are_never_stale(scenes_ds, runs, scenes_db):
    before = await body(scenes_ds, f"{WHY}.json?with=2")
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute(
            "update photos set picture = (select picture from photos where id = 5) where id = 2"
        )
    after = await body(scenes_ds, f"{WHY}.json?with=2")
    assert len(runs) == 3
    assert after["b"]["heat"] != before["b"]["heat"]
    assert after["b"]["heat"] == (await body(scenes_ds, f"{WHY}.json?with=5"))["b"]["heat"]


async def test_maps_are_never_another_databases(serve, scenes_db, runs):
    first, second = serve(scenes_db), serve(scenes_db)
    await body(first, f"{WHY}.json?with=2")
    await body(second, f"{WHY}.json?with=2")
    assert len(runs) == 4


async def test_memory_is_bounded(scenes_ds, runs):
    state = state_of(scenes_ds)
    state.features = Kept(state.inference, Room(2, "busy", 1), 3)
    for other in (2, 3, 4, 5):
        await body(scenes_ds, f"{WHY}.json?with={other}")
        assert len(state.features) <= 3
    # Row 1 was used each time, and stays.
    before = len(runs)
    await body(scenes_ds, f"{WHY}.json?with=5")
    assert len(runs) == before


async def test_why_is_offered(scenes_ds):
    text = await page(scenes_ds, "/scenes/photos/1/-/compare?with=2")
    assert "Show why" in text
    assert f'data-src="{WHY}?with=2" hidden' in text
    shown = await page(scenes_ds, "/scenes/photos/1/-/compare?with=2&_why=1")
    assert "Hide why" in shown
    assert f'src="{WHY}?with=2"' in shown
    assert 'src="/scenes/photos/2/-/why?with=1"' in shown


async def test_other_sites_are_not_told_the_address(scenes_ds):
    """A row's values may be links to them; keys and filters are in the address."""
    for path in ("/scenes/photos/1/-/compare?with=2", "/scenes/photos/99/-/similar", "/-/revimg"):
        response = await scenes_ds.client.get(path)
        assert response.headers["referrer-policy"] == "same-origin"


async def test_switched_off(serve, scenes_db, runs):
    ds = serve(scenes_db, config={"plugins": {"datasette-revimg": {"upload": False}}})
    for suffix in ("", ".json"):
        response = await ds.client.get(f"{WHY}{suffix}?with=2")
        assert response.status_code == 403
    assert not runs
    text = await page(ds, "/scenes/photos/1/-/compare?with=2&_why=1")
    assert "Show why" not in text
    assert "/-/why" not in text


async def test_permission_to_have_the_network_run(serve, scenes_db, runs):
    """The one that searching by image asks for too."""
    ds = serve(scenes_db, config={"permissions": {"revimg-upload": {"id": "ann"}}})
    compared = "/scenes/photos/1/-/compare?with=2"
    assert (await ds.client.get(f"{WHY}?with=2")).status_code == 403
    assert not (await body(ds, f"{WHY}.json?with=99", 403))["ok"]
    assert "/-/why" not in await page(ds, compared)
    assert not runs
    signed_in = cookies(ds, "ann")
    assert (await ds.client.get(f"{WHY}?with=2", cookies=signed_in)).status_code == 200
    assert "Show why" in await page(ds, compared, cookies=signed_in)


async def test_threads_end_with_the_server(ds):
    await ds.client.get("/data/photos/1/-/picture")
    state_of(ds).close()
    assert (await ds.client.get("/data/photos/2/-/picture")).status_code == 503


async def test_original_that_is_gone(serve, scenes_db):
    ds = serve(scenes_db)
    (scenes_db.parent / "in" / "2.jpg").unlink()
    path = f"/scenes/files/{tilde_encode('in/1.jpg')}/-"
    query = "with=" + quote(tilde_encode("in/2.jpg"))
    assert "moved" in (await body(ds, f"{path}/why.json?{query}", 410))["error"]
    assert (await body(ds, f"{path}/compare.json?{query}"))["ok"]


async def test_model_without_maps(ds, data):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("update _revimg_tables set model = 'own' where table_name = 'photos'")
    found = await body(ds, "/data/photos/1/-/why.json?with=2", 501)
    assert "own can’t show which parts of the pictures match" in found["error"]
    text = await page(ds, f"{A}?with=2&_why=1")
    assert "can’t be shown: only VGG16 networks support this, and own isn’t one" in text
    assert "Show why" not in text
    assert "/-/why" not in text


async def test_other_weights(ds):
    """The vectors of the test's tables are of no network: 409, in a sentence."""
    found = await body(ds, "/data/photos/1/-/why.json?with=2", 409)
    assert "embed it again with --replace" in found["error"]


async def test_neighbours_are_those_of_the_page():
    assert pair.NEIGHBOURS == 24
    assert len(ANGLES) - 1 < pair.NEIGHBOURS
