"""On Datasette 1.0, rows that are added or changed in an embedded table are embedded."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest

from datasette_revimg.web.work import inference
from datasette_revimg.web.work.state import state_of
from kit.asking import IS_1, check_problem, cookies, get_json, ids
from kit.colour_network import RED_LIME_BLUE, install_colours, plain, stored
from kit.command import run, vectors
from kit.pictures import mosaic, photos_database

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(not IS_1, reason="Datasette 0.65 has no events"),
]


@pytest.fixture
def database(tmp_path):
    """Return a database of an embedded table."""
    file = photos_database(tmp_path / "mine.db", {n: mosaic(n) for n in (1, 2, 3)})
    run("embed", file, "photos")
    return file


def blob(content: bytes) -> dict[str, Any]:
    """Return a BLOB as Datasette's API takes it."""
    return {"$base64": True, "encoded": base64.b64encode(content).decode()}


async def post(ds, path: str, **body: Any) -> None:
    """Write through Datasette's API, as root."""
    ds.root_enabled = True
    await ds.invoke_startup()
    response = await ds.client.post(
        f"/mine/photos/{path}",
        content=json.dumps(body),
        cookies=cookies(ds, "root"),
        headers={"content-type": "application/json"},
    )
    assert response.status_code in (200, 201), response.text


async def embedded(ds) -> None:
    """Wait until everything that was asked for is embedded."""
    async with asyncio.timeout(30):
        while ("mine", "photos") in state_of(ds).changed:
            await asyncio.sleep(0.01)


def failures(file) -> list[tuple[str, str]]:
    """Return key and reason of every row that can't be embedded."""
    with closing(sqlite3.connect(file)) as conn:
        return conn.execute("select pk, reason from _revimg_failures order by pk").fetchall()


async def test_a_row_through_its_life(serve, database):
    ds = serve(database)
    rows = [{"id": n, "image": blob(mosaic(n))} for n in (4, 5)]
    await post(ds, "-/insert", rows=[*rows, {"id": 6, "image": blob(b"no picture")}])
    await embedded(ds)
    first = vectors(database)
    assert set(first) == {(1,), (2,), (3,), (4,), (5,)}
    assert [pk for pk, _ in failures(database)] == ["[6]"]

    # Changed, by its key and by an upsert that doesn't say which rows are others now.
    await post(ds, "4/-/update", update={"image": blob(mosaic(1))})
    await embedded(ds)
    assert (vectors(database)[(4,)] == first[(1,)]).all()
    upserted = [{"id": 5, "image": blob(mosaic(2))}, {"id": 6, "image": blob(mosaic(3))}]
    await post(ds, "-/upsert", rows=upserted)
    await embedded(ds)
    assert (vectors(database)[(5,)] == first[(2,)]).all()
    assert (vectors(database)[(6,)] == first[(3,)]).all()
    assert not failures(database)

    # Deleted, or without a picture.
    await post(ds, "5/-/delete")
    await post(ds, "6/-/update", update={"image": None})
    await embedded(ds)
    assert set(vectors(database)) == {(1,), (2,), (3,), (4,)}
    assert "0 embedded, 4 unchanged, 0 failed, 0 removed" in run("embed", database, "photos").stdout
    body = await get_json(ds, "/mine/photos/4/-/similar.json")
    assert ids(body)[0] == 1


async def test_a_row_that_is_about_to_be_embedded(serve, database):
    """It says so; what is asked for meanwhile is done by the same thread."""
    ds, held = serve(database), threading.Event()
    state = state_of(ds)
    state.inference.submit(held.wait)
    await post(ds, "-/insert", row={"id": 4, "image": blob(mosaic(4))})
    await check_problem(ds, "/mine/photos/4/-/similar", 404, "it is about to be", "again")
    await check_problem(ds, "/mine/photos/4/-/compare?with=1", 404, "it is about to be")
    await post(ds, "-/insert", row={"id": 5, "image": blob(mosaic(5))})
    assert state.embedding.room.taken == 1
    held.set()
    await embedded(ds)
    assert set(vectors(database)) == {(1,), (2,), (3,), (4,), (5,)}


async def test_switched_off(serve, database):
    off = {"plugins": {"datasette-revimg": {"embed_changes": False}}}
    ds = serve(database, config={"databases": {"mine": {"tables": {"photos": off}}}})
    await post(ds, "-/insert", row={"id": 4, "image": blob(mosaic(4))})
    page = await check_problem(ds, "/mine/photos/4/-/similar", 404, "it is not embedded yet")
    assert "about to be" not in page


async def test_a_table_with_labels(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(tmp_path / "models"))
    install_colours(tmp_path / "models")
    file = photos_database(tmp_path / "mine.db", {1: plain("red"), 2: plain("lime")})
    run("embed", file, "photos", "--labels", "--model", "vgg16-fc2")
    ds = serve(file)
    await post(ds, "-/insert", row={"id": 3, "image": blob(plain("blue"))})
    await embedded(ds)
    assert stored(file) == RED_LIME_BLUE


async def test_a_model_that_is_not_there_is_reported_once(serve, database, caplog):
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("update _revimg_tables set model = 'vgg16-fc2', weights_sha256 = 'x'")
    ds = serve(database)
    for number in (4, 5):
        await post(ds, "-/insert", row={"id": number, "image": blob(mosaic(number))})
        await embedded(ds)
    (line,) = [each.message for each in caplog.records if "can't be embedded" in each.message]
    assert "vgg16-fc2, which is not installed on this server" in line
    assert set(vectors(database)) == {(1,), (2,), (3,)}


async def test_a_table_that_is_embedded_anew_meanwhile(serve, database, monkeypatch, caplog):
    """Vectors of two models are never mixed, whoever was first."""
    ds, network = serve(database), inference.table_network

    def late(*arguments: Any) -> Any:
        loaded = network(*arguments)
        with closing(sqlite3.connect(database)) as conn, conn:
            conn.execute("update _revimg_tables set weights_sha256 = 'of another program'")
        return loaded

    monkeypatch.setattr(inference, "table_network", late)
    await post(ds, "-/insert", row={"id": 4, "image": blob(mosaic(4))})
    await embedded(ds)
    assert set(vectors(database)) == {(1,), (2,), (3,)}
    assert "has embedded 'photos' anew" in caplog.text


async def test_the_end_of_the_server_takes_nothing_away(serve, database):
    ds, held = serve(database), threading.Event()
    state = state_of(ds)
    state.inference.submit(held.wait)
    await post(ds, "-/insert", row={"id": 4, "image": blob(mosaic(4))})
    state.stop()
    held.set()
    await embedded(ds)
    await asyncio.to_thread(state.close)
    assert set(vectors(database)) == {(1,), (2,), (3,)}
    assert not failures(database)
    assert "1 embedded, 3 unchanged, 0 failed" in run("embed", database, "photos").stdout
