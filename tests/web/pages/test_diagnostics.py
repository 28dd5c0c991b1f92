"""What /-/revimg tells, and to whom."""

from __future__ import annotations

import pytest

from datasette_revimg.search import cache
from datasette_revimg.web.work.state import state_of
from kit.asking import IS_1, cookies
from kit.geometry import ANGLES, DIMENSION

pytestmark = pytest.mark.asyncio


async def test_tables_codes_memory_and_searches(ds):
    before = (await ds.client.get("/-/revimg.json")).json()
    assert before["ok"] is True
    assert [table["table"] for table in before["tables"]] == [
        "awkward",
        "files",
        "keyless",
        "pairs",
        "photos",
    ]
    assert before["memory_bytes"] == 0
    for number in (1, 5):
        assert (await ds.client.get(f"/data/photos/{number}/-/similar.json")).status_code == 200
    body = (await ds.client.get("/-/revimg.json")).json()
    photos = body["tables"][-1]
    assert photos["vectors"] == len(ANGLES)
    assert photos["dimension"] == DIMENSION
    assert photos["codes"]["entries"] == len(ANGLES)
    assert len(photos["searches"]) == 2
    assert all(search["ms"] > 0 for search in photos["searches"])
    assert all(
        search["way"] == f"codes of {photos['codes']['dimension']} floats"
        for search in photos["searches"]
    )
    # Not when: others may see that, and it was somebody.
    assert {frozenset(search) for search in photos["searches"]} == {
        frozenset({"ms", "way", "vectors_compared"})
    }
    slot = state_of(ds).database(ds.get_database("data")).search.slot("photos")
    assert body["memory_bytes"] == photos["memory_bytes"] == slot.bytes > 0
    assert body["memory_limit_bytes"] == cache.PROCESS.limit
    page = await ds.client.get("/-/revimg")
    assert page.status_code == 200
    assert f"{len(ANGLES)}" in page.text
    assert "vectors compared" in page.text


@pytest.mark.parametrize("base", ["/", "/below/"])
async def test_the_menu_leads_here_for_those_who_may_debug(serve, base):
    ds = serve(settings={"base_url": base})
    if IS_1:
        ds.root_enabled = True
    link = f'<a href="{base}-/revimg">Image search</a>'
    assert link in (await ds.client.get("/", cookies=cookies(ds, "root"))).text
    for visitor in ({}, cookies(ds, "ann")):
        assert link not in (await ds.client.get("/", cookies=visitor)).text


async def test_sql_searches_count_too(ds):
    sql = "select revimg_top('photos', embedding, 3) as top from _revimg_photos where id = 1"
    response = await ds.client.get("/data.json", params={"sql": sql, "_shape": "array"})
    if response.status_code == 302:
        response = await ds.client.get("/data/-/query.json", params={"sql": sql, "_shape": "array"})
    assert '"id": 1' in response.json()[0]["top"]
    body = (await ds.client.get("/-/revimg.json")).json()
    assert len(body["tables"][-1]["searches"]) == 1


async def test_only_what_the_actor_may_view(serve):
    ds = serve(config={"databases": {"data": {"tables": {"photos": {"allow": {"id": "ann"}}}}}})
    public = await ds.client.get("/-/revimg.json")
    assert "photos" not in [table["table"] for table in public.json()["tables"]]
    assert "photos" not in (await ds.client.get("/-/revimg")).text
    seen = await ds.client.get("/-/revimg.json", cookies=cookies(ds, "ann"))
    assert "photos" in [table["table"] for table in seen.json()["tables"]]


async def test_a_private_instance_tells_nothing(serve):
    ds = serve(config={"allow": {"id": "ann"}})
    response = await ds.client.get("/-/revimg.json")
    assert response.status_code == 403
    assert response.json()["ok"] is False
    assert (await ds.client.get("/-/revimg")).status_code == 403
    assert (await ds.client.get("/-/revimg", cookies=cookies(ds, "ann"))).status_code == 200


async def test_nothing_embedded(serve, tmp_path):
    import sqlite3

    file = tmp_path / "empty.db"
    sqlite3.connect(file).execute("create table t (id integer primary key)")
    ds = serve(file)
    assert (await ds.client.get("/-/revimg.json")).json()["tables"] == []
    assert "datasette revimg embed" in (await ds.client.get("/-/revimg")).text
