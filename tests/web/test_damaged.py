"""Pages of a table in which vectors or thumbnails are damaged: other rows are shown as before."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from datasette.app import Datasette

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
OF_ALL = dict.fromkeys([path for path in PAGES if "matrix" in path or "map" in path], 404)

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
    # To find such a one before it is needed, all vectors would have to be read.
    "a vector is not a number": (
        "update _revimg_photos set "
        "embedding = cast(x'0000c07f' || substr(embedding, 5) as blob) where id = 2",
        OF_ROW_2 | OF_ALL,
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
}


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
