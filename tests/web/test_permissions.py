"""Whoever may not view a table sees nothing that was computed from it, and nobody else does."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing

import pytest
from datasette.utils import tilde_encode

from datasette_revimg.store import duplicates_view, own_tables, registry, tables, writing
from datasette_revimg.web import hooks
from datasette_revimg.web.embedded import FRESH_SECONDS
from kit.asking import IS_1, cookies
from kit.geometry import embed, nearest

pytestmark = pytest.mark.asyncio

ANN = {"id": "ann"}

PRIVATE = {
    "table": {"databases": {"data": {"tables": {"photos": {"allow": ANN}}}}},
    "database": {"databases": {"data": {"allow": ANN}}},
    "instance": {"allow": ANN},
}


async def test_names_in_other_letters(serve):
    """SQLite doesn't mind, and 0.65 shows such a row; 1.0 finds no such table."""
    ds = serve(config=PRIVATE["table"])
    assert (await ds.client.get("/data/_REVIMG_PHOTOS/1.json")).status_code in (403, 404)
    assert (await ds.client.get("/data/PHOTOS/1/-/thumbnail")).status_code == 403


async def test_a_name_that_only_looks_the_same(serve):
    """The sign for kelvin is a k in small letters to Python, not to SQLite."""
    ds = serve(config={"databases": {"data": {"tables": {"awkward": {"allow": ANN}}}}})
    for page in ("map", "map.json", "map-sheet", "matrix.json", "matrix.png", "similar"):
        for name, status in (("awkward", 403), ("AWKWARD", 403), ("aw~E2~84~AAward", 404)):
            response = await ds.client.get(f"/data/{name}/-/{page}")
            assert response.status_code == status, (name, page)


@pytest.mark.parametrize("private", ["Éa", "éa"])
async def test_two_names_that_differ_in_letters_beyond_ascii(tmp_path, serve, private):
    file = tmp_path / "two.db"
    with closing(sqlite3.connect(file)) as conn:
        for name in ("Éa", "éa"):
            conn.execute(f"create table [{name}] (id integer primary key, picture blob)")
            conn.execute(f"insert into [{name}] values (1, x'00')")
            embed(conn, name, "picture", {1: (1,)})
        conn.commit()
    ds = serve(file, config={"databases": {"two": {"tables": {private: {"allow": ANN}}}}})
    for name in ("Éa", "éa"):
        status = 403 if name == private else 200
        paths = (
            f"/two/{tilde_encode('_revimg_' + name)}.json",
            f"/two/{tilde_encode('_revimg_' + name + '_thumbnails')}.json",
            f"/two/{tilde_encode(name)}/1/-/thumbnail",
            f"/two/{tilde_encode(name)}/-/map.json",
        )
        for path in paths:
            assert (await ds.client.get(path)).status_code == status, path


async def test_a_table_that_is_embedded_while_it_is_served(tmp_path, serve):
    """At once, not when Datasette next looks what tables there are."""
    file = tmp_path / "late.db"
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("create table photos (id integer primary key, picture blob)")
        conn.execute("insert into photos values (1, x'00')")
        conn.commit()
        ds = serve(file, config={"databases": {"late": {"tables": {"photos": {"allow": ANN}}}}})
        assert (await ds.client.get("/late/photos.json")).status_code == 403
        assert (await ds.client.get("/late/_revimg_photos.json")).status_code in (403, 404)
        embed(conn, "photos", "picture", {1: (1,)})
        conn.commit()
    for name in ("_revimg_photos", "_revimg_photos_thumbnails", "_revimg_tables"):
        for path in (f"/late/{name}.json", f"/late/{name}/1.json"):
            # 1.0 may not have heard of the table yet.
            assert (await ds.client.get(path)).status_code in (403, 404), path


@pytest.mark.parametrize("resource", [None, "data", ("data",), ("elsewhere", "_revimg_photos")])
async def test_questions_about_no_table(ds, resource):
    """Plugins ask for anything; on 0.65 the answer is no opinion."""
    assert hooks.permission_allowed(ds, None, "view-table", resource) is None


async def test_configuration_can_make_vectors_less_public(serve):
    tables = {"photos": {"allow": ANN}, "_revimg_photos_thumbnails": {"allow": {"id": "bob"}}}
    ds = serve(config={"databases": {"data": {"tables": tables}}})
    assert (
        await ds.client.get("/data/_revimg_photos_thumbnails.json", cookies=cookies(ds, "ann"))
    ).status_code == 403
    assert (
        await ds.client.get("/data/_revimg_photos.json", cookies=cookies(ds, "ann"))
    ).status_code == 200


async def test_names_that_start_alike(data, serve):
    """``_revimg_photos_thumbnails`` could be the vectors of a table ``photos_thumbnails``, and
    ``photos`` is no prefix that makes ``photos_2024`` private."""
    conn = sqlite3.connect(data)
    conn.executescript(
        """
        create table photos_2024 (id integer primary key, picture blob);
        create table leftover (id integer primary key);
        create table _revimg_leftover_codes (id integer primary key);
        create table _revimg_gone (id integer primary key);
        """
    )
    source = tables.find(conn, "photos_2024")
    record = registry.embedded(conn, "photos")
    writing.prepare(
        conn, source, registry.EmbeddedTable(**{**vars(record), "table_name": source.name})
    )
    conn.close()
    ds = serve(config=PRIVATE["table"])
    for path, status in (
        ("/data/_revimg_photos_2024.json", 200),
        ("/data/_revimg_photos_2024_thumbnails.json", 200),
        ("/data/_revimg_photos_thumbnails.json", 403),
        # Whose they were is not known any more, and one table is private.
        ("/data/_revimg_leftover_codes.json", 403),
        ("/data/_revimg_gone.json", 403),
    ):
        assert (await ds.client.get(path)).status_code == status, path
        assert (await ds.client.get(path, cookies=cookies(ds, "ann"))).status_code == 200


@pytest.mark.parametrize("name", ["pictures", "PHOTOS"])
async def test_source_that_was_renamed(data, serve, name):
    """The record has its old name, about which the configuration says nothing any more."""
    with closing(sqlite3.connect(data)) as conn:
        conn.execute("alter table photos rename to other")
        conn.execute(f"alter table other rename to {name}")
    ds = serve(config={"databases": {"data": {"tables": {name: {"allow": ANN}}}}})
    ann = cookies(ds, "ann")
    for table in ("_revimg_photos", "_revimg_photos_thumbnails", *own_tables.SHARED):
        assert (await ds.client.get(f"/data/{table}.json")).status_code == 403, table
        assert (await ds.client.get(f"/data/{table}.json", cookies=ann)).status_code == 200, table
    # What belongs to other tables stays as it is.
    assert (await ds.client.get("/data/_revimg_pairs.json")).status_code == 200


async def test_lists_of_all_with_a_record_that_cannot_be_read(data, serve):
    """It may be of the table that is hidden."""
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("update _revimg_tables set column_name = null where table_name = 'photos'")
    ds = serve(config=PRIVATE["table"])
    for table in ("_revimg_photos", *own_tables.SHARED):
        assert (await ds.client.get(f"/data/{table}.json")).status_code == 403, table


async def test_source_that_was_dropped(data, serve):
    conn = sqlite3.connect(data)
    conn.execute("drop table photos")
    conn.close()
    ds = serve(config=PRIVATE["table"])
    assert (await ds.client.get("/data/_revimg_photos.json")).status_code == 403
    assert (
        await ds.client.get("/data/_revimg_photos.json", cookies=cookies(ds, "ann"))
    ).status_code == 200
    assert (await ds.client.get("/data")).status_code == 200


@pytest.mark.parametrize(
    ("change", "private"),
    [
        ("select 1", "photos"),
        ("alter table photos rename to other", "other"),
        ("delete from _revimg_tables where table_name = 'photos'", "photos"),
        ("update _revimg_meta set value = 99", "photos"),
    ],
    ids=["as it was", "renamed", "without its record", "newer"],
)
async def test_a_view_of_the_duplicates_of_a_private_table(data, serve, change, private):
    """Its name is none of ours, and its table may have another one by now."""
    with closing(sqlite3.connect(data)) as conn, conn:
        duplicates_view.create(conn, tables.find(conn, "photos"), "picture")
        conn.execute("create view others_duplicates as select 1 as one")
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute(change)
    # Anybody who may run SQL may read all of it, and the page of the database says its columns.
    config = {"allow_sql": False, "tables": {private: {"allow": ANN}}}
    ds = serve(config={"databases": {"data": config}})
    ann = cookies(ds, "ann")
    for path in ("", ".json", ".csv", ".json?_facet=group"):
        page = f"/data/photos_duplicates{path}"
        assert (await ds.client.get(page)).status_code == 403, page
        assert (await ds.client.get(page, cookies=ann)).status_code == 200, page
    assert "photos_duplicates" not in (await ds.client.get("/data")).text
    assert "photos_duplicates" in (await ds.client.get("/data", cookies=ann)).text
    assert (await ds.client.get("/data/others_duplicates.json")).status_code == 200


async def test_foreign_registry(data, serve):
    """Somebody else's table of that name: the rest works, and what starts alike stays hidden."""
    conn = sqlite3.connect(data)
    conn.execute("drop table _revimg_tables")
    conn.execute("create table _revimg_tables (something integer)")
    conn.close()
    ds = serve(config=PRIVATE["table"])
    assert (await ds.client.get("/data/plain")).status_code == 200
    assert (await ds.client.get("/data/_revimg_photos.json")).status_code == 403
    assert (await ds.client.get("/data/photos/1/-/similar")).status_code == 403


async def test_find_similar_shows_what_the_table_shows(serve):
    ds = serve(config=PRIVATE["table"])
    page = await ds.client.get("/data/photos/1/-/similar", cookies=cookies(ds, "ann"))
    assert "🔒" in page.text
    body = (await ds.client.get("/data/pairs/1,b~2F1/-/similar.json")).json()
    assert [row["row"]["a"] for row in body["rows"]] == nearest(1)


async def test_through_needs_the_other_table(data, serve):
    conn = sqlite3.connect(data)
    conn.execute("create table tags (photo integer references photos (id), tag text)")
    conn.close()
    ds = serve(config={"databases": {"data": {"tables": {"tags": {"allow": ANN}}}}})
    through = json.dumps({"table": "tags", "column": "tag", "value": "cat"})
    path = "/data/photos/1/-/similar.json"
    response = await ds.client.get(path, params={"_through": through})
    assert response.status_code == 403
    assert response.json()["ok"] is False
    ann = cookies(ds, "ann")
    response = await ds.client.get(path, params={"_through": through}, cookies=ann)
    assert response.status_code == 200
    for table in ("absent", "plain"):
        through = json.dumps({"table": table, "column": "id", "value": 1})
        response = await ds.client.get(path, params={"_through": through}, cookies=ann)
        assert response.status_code == 400
        assert "_through" in response.json()["error"]


DAMAGED = {
    "no name": "insert into _revimg_tables (table_name, model) values (null, 'x')",
    "a name of bytes": "insert into _revimg_tables (table_name, model) values (x'00ff', 'x')",
    "no column": "update _revimg_tables set column_name = null where table_name = 'pairs'",
    "dimension of text": "update _revimg_tables set dimension = 'many' where table_name = 'pairs'",
    "no hash": "update _revimg_tables set weights_sha256 = null where table_name = 'pairs'",
}


@pytest.mark.parametrize("damage", DAMAGED)
async def test_a_damaged_record_breaks_no_other_page(serve, data, damage):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute(DAMAGED[damage])
    ds = serve()
    for path in ("/", "/data", "/data/photos", "/data/pairs", "/-/revimg", "/data/plain/1"):
        assert (await ds.client.get(path)).status_code == 200, path
    assert (await ds.client.get("/data/photos/1/-/similar.json")).status_code == 200
    expected = 404 if "pairs" in DAMAGED[damage] else 200
    assert (await ds.client.get("/data/pairs/1,b~2F1/-/similar")).status_code == expected


@pytest.mark.skipif(not IS_1, reason="0.65 asks about a table only where it is shown")
async def test_each_source_is_asked_about_once(serve):
    """Every decision about a table needs to know which computed tables are hidden."""
    ds = serve()
    await ds.invoke_startup()
    asked: list[tuple] = []
    original = ds.check_visibility

    async def counted(actor, action, resource=None):
        asked.append((actor and actor["id"], resource.parent, resource.child))
        return await original(actor, action=action, resource=resource)

    ds.check_visibility = counted
    for actor in (None, "ann"):
        asked.clear()
        started = time.monotonic()
        response = await ds.client.get(
            "/data/plain.json", cookies=cookies(ds, actor) if actor else None
        )
        assert response.status_code == 200
        taken = time.monotonic() - started
        about_sources = Counter(each for each in asked if each[0] == actor and each[2] != "plain")
        assert len(about_sources) >= 4
        assert max(about_sources.values()) <= 1 + int(taken / FRESH_SECONDS) + 1
