"""Pages of a table in which vectors or thumbnails are damaged: other rows are shown as before."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from datasette.app import Datasette

from kit.asking import get_json, ids
from kit.command import run
from kit.pictures import mosaic, photos_database

PAGES = (
    "/photos/photos",
    "/photos/photos/2",
    "/photos/photos/1/-/similar",
    "/photos/photos/1/-/similar.json",
    "/photos/photos/2/-/similar.json",
    "/photos/photos/1/-/compare?with=2",
    "/photos/photos/-/matrix.json",
    "/photos/photos/-/matrix.png",
    "/photos/photos/-/map.json",
    "/-/revimg",
)
# A parameter that names a row without a vector is a mistake in the request, as everywhere.
OF_ROW_2 = {"/photos/photos/2/-/similar.json": 404, "/photos/photos/1/-/compare?with=2": 400}

# The damage, the pages that can't be shown with their status, and the reason that these give.
DAMAGE: dict[str, tuple[str, dict[str, int], str]] = {
    "a vector is short": (
        "update _revimg_photos set embedding = substr(embedding, 5) where id = 2",
        OF_ROW_2,
        "vector of row 2 of",
    ),
    "a vector is text": (
        "update _revimg_photos set embedding = 'text' where id = 2",
        OF_ROW_2,
        "vector of row 2 of",
    ),
    "a vector is not a number": (
        "update _revimg_photos set "
        "embedding = cast(x'0000c07f' || substr(embedding, 5) as blob) where id = 2",
        OF_ROW_2,
        "vector of row 2 of",
    ),
    "thumbnail and width are numbers": (
        "update _revimg_photos_thumbnails set thumbnail = 7, width = 0 where id = 2",
        {},
        "",
    ),
    "no thumbnails": ("drop table _revimg_photos_thumbnails", {}, ""),
    "no vectors": (
        "drop table _revimg_photos",
        dict.fromkeys([path for path in PAGES if "/photos/photos/" in path and "/-/" in path], 404),
        "not embedded",
    ),
    "the record is damaged": (
        "update _revimg_tables set model = null",
        dict.fromkeys([path for path in PAGES if "/photos/photos/" in path and "/-/" in path], 404),
        "in _revimg_tables is damaged",
    ),
}

NOT_A_NUMBER = "cast(x'0000c07f' || substr(embedding, 5) as blob)"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of eight embedded pictures."""
    path = tmp_path_factory.mktemp("embedded") / "photos.db"
    photos_database(path, {number: mosaic(number) for number in range(1, 9)})
    run("embed", path, "photos")
    return path


@pytest.mark.asyncio
@pytest.mark.parametrize("damage", DAMAGE)
async def test_pages_beside_what_is_damaged(embedded, tmp_path, damage):
    statement, lost, reason = DAMAGE[damage]
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(statement)
    ds = Datasette([str(path)])
    for address in PAGES:
        response = await ds.client.get(address)
        assert response.status_code == lost.get(address, 200), address
        if address in lost:
            assert reason in response.text, address


def damage(path: Path, rows: str, value: str = NOT_A_NUMBER) -> None:
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(f"update _revimg_photos set embedding = {value} where id in ({rows})")


@pytest.mark.asyncio
@pytest.mark.parametrize("value", [NOT_A_NUMBER, "x'00'", "'text'"])
async def test_matrix_and_map_leave_damaged_rows_out(embedded, tmp_path, value):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    damage(path, "2, 5", value)
    ds = Datasette([str(path)])
    sound = [1, 3, 4, 6, 7, 8]
    body = await get_json(ds, "/photos/photos/-/matrix.json")
    assert sorted(ids(body)) == sound
    assert [len(line) for line in body["matrix"]] == [6] * 6
    assert sorted(ids(await get_json(ds, "/photos/photos/-/map.json"))) == sound
    data = await get_json(ds, "/photos/photos/-/map-data")
    assert len(data["rows"]) == len(data["places"]) == 6
    for page in ("matrix", "map"):
        text = (await ds.client.get(f"/photos/photos/-/{page}")).text
        assert "2 rows, such as 2, are left out, because their stored vectors are damaged" in text
    for address in (*data["sheets"], "/photos/photos/-/matrix.png"):
        assert (await ds.client.get(address)).status_code == 200
    run("embed", path, "photos")
    for page in ("matrix", "map"):
        body = await get_json(ds, f"/photos/photos/-/{page}.json")
        assert sorted(ids(body)) == list(range(1, 9))
        assert "left out" not in (await ds.client.get(f"/photos/photos/-/{page}")).text


@pytest.mark.asyncio
async def test_damage_that_comes_while_people_look(embedded, tmp_path):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    ds = Datasette([str(path)])
    address = "/photos/photos/-/matrix.json"
    assert len(ids(await get_json(ds, address))) == 8
    damage(path, "2")
    # Another order is computed anew, and finds that a vector isn't what it was.
    again = f"{address}?_order=key"
    response = await ds.client.get(again)
    assert response.status_code == 503
    assert "try again in a moment" in response.json()["error"]
    assert ids(await get_json(ds, again)) == [1, 3, 4, 5, 6, 7, 8]
    assert len(ids(await get_json(ds, address))) == 7


@pytest.mark.asyncio
async def test_all_vectors_are_damaged(embedded, tmp_path):
    path = Path(shutil.copy(embedded, tmp_path / "photos.db"))
    damage(path, "1, 2, 3, 4, 5, 6, 7, 8")
    ds = Datasette([str(path)])
    for page in ("matrix", "map"):
        assert ids(await get_json(ds, f"/photos/photos/-/{page}.json")) == []
        text = (await ds.client.get(f"/photos/photos/-/{page}")).text
        assert "8 rows, such as 1, are left out" in text
