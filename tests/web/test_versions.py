"""Pages of databases that another version of this program has embedded."""

from __future__ import annotations

import html
import json
import sqlite3
from contextlib import closing

import pytest

from kit.asking import check_problem, cookies, get_json, ids
from kit.geometry import nearest
from kit.permissions import ADDRESSES
from kit.versions import make_newer, without_version

pytestmark = pytest.mark.asyncio

SENTENCE = "database data was embedded by a newer datasette-revimg"

PAGES = ("1/-/similar", "1/-/compare?with=2", "1/-/why?with=2", "-/matrix", "-/map", "-/similar")


async def test_every_page_refuses_a_newer_database(data, serve):
    ds = serve(make_newer(data))
    for page in PAGES:
        await check_problem(
            ds, f"/data/photos/{page}", 503, SENTENCE, "upgrade it with `datasette install"
        )
    for page in ADDRESSES:
        if not page.startswith("POST") and page != "/-/similar.json":
            response = await ds.client.get(f"/data/photos{page}")
            assert response.status_code == 503, page
            assert SENTENCE in html.unescape(response.text)
    response = await ds.client.get("/data/no_such_table/-/matrix.json")
    assert response.status_code == 404


async def test_datasettes_own_pages_go_on(data, serve):
    ds = serve(make_newer(data))
    for page in ("/", "/data", "/data/photos", "/data/photos/1", "/data/_revimg_photos"):
        response = await ds.client.get(page)
        assert response.status_code == 200, page
        assert "Find similar" not in response.text
    sql = "select revimg_top('photos', (select embedding from _revimg_photos where id = 1), 3) as a"
    (text,) = (await ds.get_database("data").execute(sql)).first()
    assert "revimg_top: this database was embedded by a newer" in json.loads(text)[0]["error"]


async def test_a_database_that_becomes_newer_is_refused_at_once(data, serve):
    """What is embedded is known for a second, but not what has become of it since."""
    ds = serve(data)
    assert ids(await get_json(ds, "/data/photos/1/-/similar.json")) == nearest(1)
    assert "Find similar" in (await ds.client.get("/data/photos")).text
    make_newer(data)
    for page in PAGES:
        if page != "-/similar":
            await check_problem(ds, f"/data/photos/{page}", 503, SENTENCE)
    assert (await ds.client.get("/data/photos")).status_code == 200


async def test_tables_of_a_newer_database_stay_private(data, serve):
    """Nobody knows what they were computed from: whoever sees them may see every table."""
    make_newer(data)
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("create table _revimg_unheard_of (id integer primary key)")
    config = {"databases": {"data": {"tables": {"photos": {"allow": {"id": "ann"}}}}}}
    ds = serve(config=config)
    names = ("tables", "meta", "failures", "photos", "photos_thumbnails", "pairs", "unheard_of")
    for name in names:
        page = f"/data/_revimg_{name}.json"
        assert (await ds.client.get(page)).status_code == 403, name
        assert (await ds.client.get(page, cookies=cookies(ds, "ann"))).status_code == 200, name
    assert SENTENCE not in (await ds.client.get("/-/revimg")).text
    assert (await get_json(ds, "/-/revimg.json"))["newer"] == []
    page = await ds.client.get("/-/revimg", cookies=cookies(ds, "ann"))
    assert SENTENCE in html.unescape(page.text)
    assert "datasette revimg embed" not in page.text
    body = (await ds.client.get("/-/revimg.json", cookies=cookies(ds, "ann"))).json()
    assert [SENTENCE in sentence for sentence in body["newer"]] == [True]
    assert body["tables"] == []


@pytest.mark.parametrize("immutable", [False, True])
async def test_an_older_database_is_read_as_it_is(data, serve, immutable, only_pca):
    before = without_version(data).read_bytes()
    ds = serve(immutables=[str(data)]) if immutable else serve(data)
    assert ids(await get_json(ds, "/data/photos/1/-/similar.json")) == nearest(1)
    for page in ("1/-/thumbnail", "1/-/compare?with=2", "-/matrix", "-/map"):
        assert (await ds.client.get(f"/data/photos/{page}")).status_code == 200, page
    assert data.read_bytes() == before
