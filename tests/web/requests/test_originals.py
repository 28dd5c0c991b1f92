"""Files of pictures that never arrive, as on a network share whose server is gone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from datasette_revimg.embedding import originals as files
from datasette_revimg.web.requests import originals
from datasette_revimg.web.work import state

pytestmark = pytest.mark.asyncio

PICTURE = "/scenes/files/in~2F3~2Ejpg/-/picture"
REGION = "/scenes/files/in~2F3~2Ejpg/-/similar?_crop=0,0,500,500"
SENTENCE = "file of row in/3.jpg did not arrive within 0.2 seconds"


@pytest.fixture
def hanging(monkeypatch):
    """Let no file arrive, until the event that is returned is set."""
    arrives, really_read = threading.Event(), files.read_file

    def read(file):
        arrives.wait(120)
        return really_read(file)

    monkeypatch.setattr(files, "read_file", read)
    monkeypatch.setattr(originals, "FILE_SECONDS", 0.2)
    yield arrives
    arrives.set()


@pytest.mark.parametrize(
    "page", [PICTURE, REGION, "/scenes/files/in~2F3~2Ejpg/-/why.json?with=in~2F4~2Ejpg"]
)
async def test_it_is_given_up(scenes_ds, hanging, page):
    response = await scenes_ds.client.get(page)
    assert response.status_code == 503
    assert SENTENCE in response.text
    assert response.headers["retry-after"] == "60"


async def test_nobody_else_waits(scenes_ds, hanging):
    """Three of them, one for each of its SQL threads, stopped Datasette altogether."""
    many = state.FILE_THREADS + 2
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(scenes_ds.client.get(PICTURE) for _ in range(many)))
        assert {answer.status_code for answer in answers} == {503}
        for page in (
            "/scenes/files",
            "/scenes/files/in~2F3~2Ejpg/-/similar",
            "/scenes/photos/1/-/picture",
        ):
            assert (await scenes_ds.client.get(page)).status_code == 200


async def test_the_threads_are_bounded_and_come_back(scenes_ds, hanging):
    before = readers()
    async with asyncio.timeout(60):
        for _ in range(3):
            await asyncio.gather(*(scenes_ds.client.get(PICTURE) for _ in range(state.FILE_QUEUE)))
        assert len(readers() - before) == state.FILE_THREADS
        hanging.set()
        while (await scenes_ds.client.get(PICTURE)).status_code != 200:
            await asyncio.sleep(0.05)


def readers():
    return {each for each in threading.enumerate() if each.name.startswith("revimg-files_")}
