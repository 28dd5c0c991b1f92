"""Which folders of the server's pictures are read from: not the database's to say."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

pytestmark = pytest.mark.asyncio

PICTURE = "/scenes/files/in~2F3~2Ejpg/-/picture"


@pytest.fixture
def outside(scenes_db, tmp_path_factory):
    """A folder that the database, in another one, calls the base of its paths."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.move(scenes_db.parent / "in", folder / "in")
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("update _revimg_tables set base_dir = ?", [str(folder)])
    return folder


async def test_a_folder_that_only_the_database_names(serve, scenes_db, outside):
    ds = serve(scenes_db)
    for page in (PICTURE, PICTURE.replace("picture", "similar.json?_crop=0,0,500,500")):
        response = await ds.client.get(page)
        assert response.status_code == 404
        assert "base_dirs" in response.text
        assert str(outside) not in response.text


async def test_a_folder_that_the_configuration_names(serve, scenes_db, outside):
    config = {"plugins": {"datasette-revimg": {"base_dirs": [str(outside)]}}}
    response = await serve(scenes_db, config=config).client.get(PICTURE)
    assert response.status_code == 200


async def test_below_the_databases_own_folder(serve, scenes_db):
    assert (await serve(scenes_db).client.get(PICTURE)).status_code == 200
