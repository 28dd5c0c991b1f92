"""What the matrix and the map have in common: who sees them, settings, names, bad input."""

from __future__ import annotations

import html
import json
import re
import sqlite3

import pytest

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
        ("/data/photos/-/{page}?_size=0", 400, ["_size", "{most}"]),
        ("/data/photos/-/{page}?_size={most}1", 400, ["_size", "{most}"]),
        ("/data/photos/-/{page}?_size=x", 400, ["_size"]),
        ("/data/photos/-/{page}?nonsense=1", 400, ["nonsense"]),
        ("/data/photos/-/{page}?_where=nonsense+%3D+1", 400, ["nonsense"]),
        ("/data/photos/-/{page}?_x=" + "x" * 9000, 400, ["9,003", "8,192"]),
        ("/data/absent/-/{page}", 404, ["absent"]),
        ("/data/plain/-/{page}", 404, ["plain", "not embedded"]),
    ],
)
async def test_what_cannot_be_shown(ds, page, path, status, words):
    filled = {"page": page, "most": {"matrix": 2000, "map": 10_000}[page]}
    await check_problem(
        ds, path.format(**filled), status, *(word.format(**filled) for word in words)
    )


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
