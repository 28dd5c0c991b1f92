"""A table whose vectors are whitened: pictures are searched with, and heat maps are honest."""

import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.store import connection, reading, registry, tables, whitening
from datasette_revimg.vectors.whitening import learn
from kit.asking import check_problem, get_json, ids
from kit.uploads import PAGE, PICTURE, form, part, post, uploaded

pytestmark = pytest.mark.asyncio


def whiten(database):
    """Whiten the table photos, which is too small for the command, and return its model."""
    with closing(connection.connect(database)) as conn:
        source = tables.find(conn, "photos")
        sample = reading.sample_vectors(conn, source, 1000)
        embedded = registry.embedded(conn, "photos")
        return whitening.adopt(conn, source, embedded, learn(sample)).model


@pytest.fixture
def model(scenes_db):
    return whiten(scenes_db)


async def test_an_upload_finds_its_row(model, scenes_ds, scenes_db):
    body = await uploaded(scenes_ds, PICTURE, PAGE + ".json?_ways=whole")
    assert body["model"] == model
    assert body["rows"][0]["row"]["id"] == 3
    assert body["rows"][0]["score"] == pytest.approx(1, abs=0.01)
    by_row = await get_json(scenes_ds, "/scenes/photos/3/-/similar.json")
    assert ids(body)[1:4] == ids(by_row)[:3]
    closer = await uploaded(scenes_ds, PICTURE, PAGE + ".json?_ways=all")
    assert closer["rows"][0]["row"]["id"] == 3
    # The least similar of so few pictures are less alike than any two: below 0.
    assert body["rows"][-1]["score"] < 0


async def test_a_region_is_a_query_too(model, scenes_ds):
    whole = await get_json(scenes_ds, "/scenes/photos/3/-/similar.json")
    region = await get_json(scenes_ds, "/scenes/photos/3/-/similar.json?_crop=0,0,1000,1000")
    scores = {row["row"]["id"]: row["score"] for row in region["rows"]}
    expected = {row["row"]["id"]: row["score"] for row in whole["rows"]}
    assert {row: scores[row] for row in expected} == pytest.approx(expected, abs=1e-3)


async def test_heat_maps_say_why_there_are_none(model, scenes_ds):
    page = await check_problem(
        scenes_ds, "/scenes/photos/3/-/why?with=4", 501, model, "whitened once more"
    )
    assert "vgg16-rmac" in page
    compared = (await scenes_ds.client.get("/scenes/photos/3/-/compare?with=4")).text
    assert "the vectors of vgg16-rmac are whitened once more for this table" in compared


async def test_heat_maps_of_dense_layers_stay(serve, scenes_db):
    """They never explained these vectors, whitened or not, and say so."""
    name = whiten(scenes_db).replace("vgg16-rmac", "vgg16-fc2")
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("update _revimg_tables set model = ?", [name])
    page = (await serve(scenes_db).client.get("/scenes/photos/3/-/compare?with=4")).text
    assert f"The cosine is that of {name}, whose dense layers come after these." in page


async def test_a_damaged_whitening_stops_uploads_alone(model, scenes_ds, scenes_db):
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("update _revimg_photos_whitening set mean = zeroblob(length(mean))")
    response = await post(scenes_ds, form(part(PICTURE)))
    assert response.status_code == 503
    assert "whitened with is damaged or gone" in response.json()["error"]
    assert (await get_json(scenes_ds, "/scenes/photos/3/-/similar.json"))["rows"]
