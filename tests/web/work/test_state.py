"""Everything that is kept for one Datasette: its own, and closed with it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from datasette_revimg.web import hooks
from datasette_revimg.web.work.kept import table_key
from datasette_revimg.web.work.state import state_of

pytestmark = pytest.mark.asyncio

PAGE = "/data/photos"


async def test_each_datasette_has_its_own(ds, serve):
    other = serve()
    assert state_of(ds) is state_of(ds)
    assert state_of(ds) is not state_of(other)
    first, second = (each.get_database("data") for each in (ds, other))
    assert state_of(ds).database(first) is state_of(ds).database(first)
    # One name and one file, and yet two databases.
    assert table_key(first, "Photos", "1") == table_key(first, "photos", "1")
    assert table_key(first, "photos", "1") != table_key(second, "photos", "1")


async def test_a_database_in_the_place_of_another_shares_nothing(ds):
    before = ds.get_database("data")
    key, kept = table_key(before, "photos", "1"), state_of(ds).database(before)
    ds.remove_database("data")
    ds.add_memory_database("data")
    after = ds.get_database("data")
    assert state_of(ds).database(after) is not kept
    assert table_key(after, "photos", "1") != key


async def test_shutdown_ends_all_threads(ds, only_pca):
    """The hook that Datasette 1.0 calls; 0.65 leaves it to the end of the process."""
    others = threads()
    for path in ("1/-/picture", "-/matrix.png", "-/map.json", "-/map-sheet"):
        assert (await ds.client.get(f"{PAGE}/{path}")).status_code == 200
    mine = threads() - others
    # Two matrices' kinds, two of the map's, and those of renditions.
    assert len(mine) >= 5
    await hooks.shutdown(ds)()
    assert not any(thread.is_alive() for thread in mine)
    # A picture that was made before is still there, a new one isn't made.
    assert (await ds.client.get(f"{PAGE}/-/matrix.png")).status_code == 200
    for path in ("1/-/picture", "-/matrix.png?_order=key", "-/map?colour=red"):
        response = await ds.client.get(f"{PAGE}/{path}")
        assert response.status_code == 503
        assert "server is being shut down" in response.text


async def test_shutdown_ends_the_decoders(ds, monkeypatch):
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            started.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    assert (await ds.client.get(f"{PAGE}/1/-/picture")).status_code == 200
    (worker,) = started
    assert worker.poll() is None
    await hooks.shutdown(ds)()
    assert worker.poll() is not None


EXITING = """
import sys, threading, time
from datasette.app import Datasette
from datasette_revimg.web.work import state

state.CLOSE_SECONDS = 0.1
datasette, started = Datasette(), threading.Event()
kept = state.state_of(datasette)
kept.inference.submit(lambda: (started.set(), time.sleep(300)))
kept.better_maps.queue.submit(lambda: time.sleep(300))
waiting = kept.inference.submit(lambda: print("too late"))
started.wait(60)
waiting.add_done_callback(lambda future: print(future.exception(), flush=True))
"""


async def test_the_end_of_a_process_waits_for_no_work():
    """As in Datasette 0.65, which has no hook for its end."""
    done = subprocess.run(
        [sys.executable, "-c", EXITING], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "the server is being shut down\n"
    assert done.stderr == ""


def threads() -> set[threading.Thread]:
    """The threads of all Datasettes of this process."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("revimg-")}
