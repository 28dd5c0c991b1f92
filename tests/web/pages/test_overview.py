"""What the matrix and the map have in common: who sees them, settings, names, bad input."""

from __future__ import annotations

import asyncio
import html
import json
import re
import sqlite3
import threading

import pytest

from datasette_revimg.overview import sample as sampling
from datasette_revimg.store import reading
from kit.asking import check_problem, cookies, get_json
from kit.geometry import embed

# Of each page the path under its table, and the addresses besides that belong to it.
PAGES = {"matrix": (".json", ".png", "-values"), "map": (".json", "-data", "-sheet")}

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.usefixtures("only_pca"),
    pytest.mark.parametrize("page", PAGES),
]


async def data_url(ds, page, table="/data/photos"):
    """Where a page's script gets its data."""
    text = (await ds.client.get(f"{table}/-/{page}")).text
    if page == "map":
        return html.unescape(re.search(r'data-url="([^"]+)"', text)[1])
    handed = json.loads(re.search(r'id="revimg-data">(.*?)</script>', text, re.S)[1])
    return handed["values"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/data/photos/-/{page}?nonsense=1", 400, ["nonsense"]),
        ("/data/photos/-/{page}?_where=nonsense+%3D+1", 400, ["nonsense"]),
        ("/data/photos/-/{page}?_x=" + "x" * 9000, 400, ["9,003", "8,192"]),
        ("/data/absent/-/{page}", 404, ["absent"]),
        ("/data/plain/-/{page}", 404, ["plain", "not embedded"]),
    ],
)
async def test_what_cannot_be_shown(ds, page, path, status, words):
    await check_problem(ds, path.format(page=page), status, *words)


MOST = {
    "matrix": {"": 2000, ".json": 500, ".png": 2000, "-values": 2000},
    "map": {"": 10_000, ".json": 10_000, "-data": 10_000, "-sheet": 10_000},
}


@pytest.mark.parametrize("size", ["0", "{more}", "x"])
async def test_sizes(ds, page, size):
    for address, most in MOST[page].items():
        asked = size.format(more=most + 1)
        response = await ds.client.get(f"/data/photos/-/{page}{address}?_size={asked}")
        assert response.status_code == 400
        assert f"_size must be a whole number from 1 to {most}, not" in response.text
        response = await ds.client.get(f"/data/photos/-/{page}{address}?_size={most}")
        assert response.status_code == 200


async def test_links_between_pages_keep_no_size_that_is_too_large(ds, page):
    """The matrix has more rows than its JSON."""
    for size in (500, 501, 2000):
        text = (await ds.client.get(f"/data/photos/-/{page}?_size={size}")).text
        (link,) = re.findall(rf'href="([^"]+/-/{page}\.json[^"]*)"', text)
        assert (await ds.client.get(html.unescape(link))).status_code == 200


async def test_other_pages_are_answered_while_samples_are_read(ds, page, monkeypatch):
    """Datasette has three threads for SQL; each of these reads takes a second or more."""
    go, begun, sample_rows = threading.Event(), [], sampling.sample_rows

    def slow(*arguments, **options):
        begun.append(1)
        assert go.wait(60)
        return sample_rows(*arguments, **options)

    monkeypatch.setattr(sampling, "sample_rows", slow)
    path = f"/data/photos/-/{page}.json?id__not="
    asked = [asyncio.create_task(ds.client.get(path + str(number))) for number in range(1, 7)]
    try:
        while not begun:
            await asyncio.sleep(0.01)
        thumbnail = ds.client.get("/data/photos/1/-/thumbnail")
        assert (await asyncio.wait_for(thumbnail, 30)).status_code == 200
        assert len(begun) == 1
    finally:
        go.set()
    assert {(await each).status_code for each in asked} == {200}


async def test_those_who_ask_the_same_have_the_vectors_read_once(ds, page, monkeypatch):
    looked, damaged_keys = [], reading.damaged_keys

    def noted(conn, source, keys):
        looked.extend(keys)
        return damaged_keys(conn, source, keys)

    monkeypatch.setattr(reading, "damaged_keys", noted)
    path = f"/data/photos/-/{page}.json"
    answers = await asyncio.gather(*(ds.client.get(path) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(looked) == len(answers[0].json()["rows"])


async def test_nothing_for_who_may_not_view_the_table(serve, page):
    ds = serve(config={"databases": {"data": {"tables": {"photos": {"allow": {"id": "root"}}}}}})
    path = f"/data/photos/-/{page}"
    for more in ("", *PAGES[page]):
        response = await ds.client.get(path + more)
        assert response.status_code == 403, more
        assert "Picture 1" not in response.text
        allowed = await ds.client.get(path + more, cookies=cookies(ds, "root"))
        assert allowed.status_code == 200, more
    # Before anything is said about what there is.
    assert (await ds.client.get(path + "?nonsense=1")).status_code == 403


@pytest.mark.parametrize("settings", [{"base_url": "/below/"}, {"num_sql_threads": 0}])
async def test_settings_of_datasette(serve, page, settings):
    ds = serve(settings=settings)
    base = "/below" if "base_url" in settings else ""
    text = (await ds.client.get(f"/data/photos/-/{page}")).text
    assert "/below/below" not in text
    for other in PAGES.keys() - {page}:
        assert f'href="{base}/data/photos/-/{other}"' in text
    body = await get_json(ds, f"/data/photos/-/{page}.json")
    assert all(row["url"].startswith(f"{base}/data/photos/") for row in body["rows"])
    url = await data_url(ds, page)
    assert url.startswith(f"{base}/data/photos/-/{page}-")
    # Datasette's client puts the base before every path.
    response = await ds.client.get(url.removeprefix(base))
    assert response.status_code == 200
    if page == "map":
        data = response.json()
        assert data["base"] == f"{base}/data/photos"
        assert data["sheets"][0].startswith(f"{base}/data/photos/-/map-sheet?")
        assert (await ds.client.get(data["sheets"][0].removeprefix(base))).status_code == 200


async def test_immutable_database(data, serve, page):
    ds = serve(immutables=[str(data)])
    assert len((await get_json(ds, f"/data/photos/-/{page}.json"))["rows"]) == 12


async def test_table_and_database_with_awkward_names(tmp_path, serve, page):
    file = tmp_path / "my photos.v2.db"
    with sqlite3.connect(file) as conn:
        conn.execute('create table "a/b ü" (id integer primary key, picture blob)')
        conn.executemany("insert into \"a/b ü\" values (?, x'00')", [[1], [2], [3]])
        embed(conn, "a/b ü", "picture", {number: (number,) for number in (1, 2, 3)})
    ds = serve(file)
    url = await data_url(ds, page, "/my+photos~2Ev2/a~2Fb+~C3~BC")
    assert (await ds.client.get(url)).status_code == 200


async def test_labels_are_text(ds, page):
    assert "<script>alert" not in (await ds.client.get(f"/data/photos/-/{page}")).text
