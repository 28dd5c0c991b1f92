"""What a server does when it starts, so that no visitor waits for it, and when it ends."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from datasette.app import Datasette

from datasette_revimg.web.compat import jinja_environment
from datasette_revimg.web.problems import BusyError
from datasette_revimg.web.work.state import state_of

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def served(datasette: Datasette) -> AsyncIterator[None]:
    """Start Datasette and end it as an ASGI server does (ASGI's "Lifespan Protocol")."""
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    events: asyncio.Queue[str] = asyncio.Queue()

    async def send(message):
        await events.put(message["type"])

    life = asyncio.create_task(datasette.app()({"type": "lifespan"}, messages.get, send))
    await messages.put({"type": "lifespan.startup"})
    assert await events.get() == "lifespan.startup.complete"
    yield
    await messages.put({"type": "lifespan.shutdown"})
    assert await events.get() == "lifespan.shutdown.complete"
    await life


async def test_collections_of_garbage_pass_over_what_is_loaded():
    async with served(Datasette([])):
        assert gc.get_freeze_count() > len(gc.get_objects())


async def test_our_templates_are_compiled():
    datasette = Datasette([])
    async with served(datasette):
        environment = jinja_environment(datasette)
        compiled = {name for _, name in list(environment.cache)}
        ours = {name for name in environment.list_templates() if name.startswith("revimg/")}
        assert {"revimg/similar.html", "base.html"} <= ours | {"base.html"} <= compiled


async def test_the_end_closes_what_is_kept():
    """Also in 0.65, which has no hook for it."""
    datasette = Datasette([])
    async with served(datasette):
        assert await state_of(datasette).writing.run(lambda: "written") == "written"
    with pytest.raises(BusyError, match="the server is being shut down"):
        state_of(datasette).writing.submit(lambda: "too late")


async def test_what_waits_is_refused_as_soon_as_the_server_is_asked_to_end(monkeypatch):
    """A server that had matrices to make for eight visitors took 36 seconds to end."""
    datasette, asked, go_on = Datasette([]), [], threading.Event()

    def handler(number, _):
        asked.append(number)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        async with served(datasette):
            state = state_of(datasette)
            begun = threading.Event()

            async def matrix(queue):
                return await queue.run(lambda: (begun.set(), go_on.wait(60)))

            first, second = (
                asyncio.create_task(state.matrices.get(key, matrix)) for key in ("first", "second")
            )
            assert await asyncio.to_thread(begun.wait, 60)
            sent = state.matrices.queue.submit(lambda: "a third")
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(BusyError, match="the server is being shut down"):
                await asyncio.wrap_future(sent)
            go_on.set()
            assert await first == (None, True)
            with pytest.raises(BusyError, match="the server is being shut down"):
                await second
        assert asked == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        go_on.set()
        signal.signal(signal.SIGTERM, before)
