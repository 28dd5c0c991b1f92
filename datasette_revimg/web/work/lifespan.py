"""What a server does before its first visitor and after its last (ASGI's "Lifespan Protocol").

Datasette 0.65 has no hook for the second, and neither version has one for a server as such: a
``Datasette`` in another program has visitors too, but neither this start nor this end.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import FrameType
from typing import Any

from ..compat import Datasette, jinja_environment
from .state import state_of

# The one of Datasette's that all of ours extend.
_BASE = "base.html"


def with_lifespan(datasette: Datasette, app: Any) -> Any:
    """Return the ASGI application that also starts and ends what is kept for Datasette."""

    async def living(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        with ExitStack() as life:

            async def send_when_done(message: Any) -> None:
                if message["type"] == "lifespan.startup.complete":
                    compile_templates(datasette)
                    spare_what_is_loaded()
                    life.enter_context(_on_signals(state_of(datasette).stop))
                elif message["type"] == "lifespan.shutdown.complete":
                    await asyncio.to_thread(state_of(datasette).close)
                await send(message)

            await app(scope, receive, send_when_done)

    return living


def compile_templates(datasette: Datasette) -> None:
    """Compile our templates, which at its first use would each hold the event loop for some 20 ms.

    They are kept with Datasette's own.
    """
    environment = jinja_environment(datasette)
    for name in environment.list_templates():
        if name.startswith("revimg/"):
            environment.get_template(name)
    environment.get_template(_BASE)


@cache
def spare_what_is_loaded() -> None:
    """Take all that is loaded by now out of the garbage collector's sight, once a process.

    A full collection holds the event loop for as long as it walks over every object of every
    module, some 50 ms, to find that they are all still in use (``gc.freeze``, Python's library
    reference).
    """
    gc.collect()
    gc.freeze()


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on the event loop, besides the server's own handler, when a signal asks to end.

    A server answers all requests before the shutdown of the lifespan, also those whose work still
    waits for that of others. Nothing but the signal says that it has begun to end.
    """
    loop = asyncio.get_running_loop()

    def beside(handler: Callable[[int, FrameType | None], Any]) -> Any:
        def handle(number: int, frame: FrameType | None) -> Any:
            loop.call_soon_threadsafe(stop)
            return handler(number, frame)

        return handle

    before, ours = {}, {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):
                before[number], ours[number] = handler, beside(handler)
                signal.signal(number, ours[number])
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is ours[number]:
                signal.signal(number, handler)
