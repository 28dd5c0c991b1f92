"""A client that leaves: nothing is computed for it any longer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from datasette_revimg.overview import matrix
from datasette_revimg.web.requests.reading import read
from datasette_revimg.web.work.state import state_of
from kit.uploads import BOUNDARY, PICTURE, form, part

pytestmark = pytest.mark.asyncio


class Client:
    """A client of the ASGI interface that sends a request, and may leave before its answer."""

    def __init__(self, ds, path: str, method: str = "GET", body: bytes = b"") -> None:
        name, _, query = path.partition("?")
        headers = [(b"host", b"localhost")]
        if body:
            kind = f"multipart/form-data; boundary={BOUNDARY}"
            headers.append((b"content-type", kind.encode()))
        self._scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": name,
            "raw_path": name.encode(),
            "query_string": query.encode(),
            "headers": headers,
        }
        self._messages: asyncio.Queue[dict] = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.receive = self._messages.get
        self.sent: list[dict] = []
        self.answered = asyncio.create_task(self._ask(ds))

    async def _ask(self, ds) -> None:
        async def send(message: dict) -> None:
            self.sent.append(message)

        await ds.app()(self._scope, self.receive, send)

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    @property
    def status(self) -> int:
        return self.sent[0]["status"]


async def test_matrices_that_nobody_waits_for_are_not_computed(ds, monkeypatch):
    await ds.invoke_startup()
    go, computed = threading.Event(), []
    compute = matrix.compute_matrix

    def slow(vectors, order):
        computed.append(len(vectors))
        go.wait(60)
        return compute(vectors, order)

    monkeypatch.setattr(matrix, "compute_matrix", slow)
    path = "/data/photos/-/matrix.json"
    staying = Client(ds, path)
    while not computed:
        await asyncio.sleep(0.01)
    leaving = [Client(ds, f"{path}?id__gt={number}") for number in range(1, 8)]
    matrices = state_of(ds).matrices
    while len(matrices) < 8:
        await asyncio.sleep(0.01)
    for client in leaving:
        client.leave()
    await asyncio.gather(*(client.answered for client in leaving))
    assert {client.status for client in leaving} == {499}
    # The others' places in the queue are free at once, and who stays is answered.
    assert len(matrices) == 1
    go.set()
    await staying.answered
    assert staying.status == 200
    assert computed == [12]


async def test_uploads_that_nobody_waits_for_are_not_computed(scenes_ds):
    await scenes_ds.invoke_startup()
    go = threading.Event()
    inference = state_of(scenes_ds).inference
    busy = inference.submit(lambda: go.wait(60))
    client = Client(scenes_ds, "/scenes/photos/-/similar.json", "POST", form(part(PICTURE)))
    while inference.room.taken < 2:
        await asyncio.sleep(0.01)
    client.leave()
    await client.answered
    assert client.status == 499
    assert inference.room.taken == 1
    go.set()
    await asyncio.wrap_future(busy)


async def test_a_server_that_never_says_that_the_client_has_gone(ds):
    """It goes on with empty bodies, which is against ASGI's rules, but must not end in a loop."""
    await ds.invoke_startup()
    asked, client = [], Client(ds, "/data/photos/-/matrix.json")

    async def receive() -> dict:
        asked.append(1)
        return {"type": "http.request", "body": b"", "more_body": False}

    client.receive = receive
    await client.answered
    assert client.status == 200
    assert len(asked) < 10


async def test_a_read_that_is_cancelled_ends_soon(ds):
    db = ds.get_database("data")
    started, ended = threading.Event(), threading.Event()

    def endless(conn):
        started.set()
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            conn.execute(
                "with recursive c(n) as (select 1 union all select n + 1 from c) "
                "select count(*) from c"
            )
        ended.set()

    reading = asyncio.create_task(read(db, endless))
    assert await asyncio.to_thread(started.wait, 60)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    # Not only after the 30 seconds that a search may take.
    assert await asyncio.to_thread(ended.wait, 20)
