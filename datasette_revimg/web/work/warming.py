"""Work that a server does before its first visitor, who would otherwise wait for it."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

from ..compat import Datasette, jinja_environment

# The one of Datasette's that all of ours extend.
_BASE = "base.html"


def warm_up(datasette: Datasette, app: Any) -> Any:
    """Return the ASGI application that warms up when a server starts it (ASGI's lifespan)."""

    async def warming(scope: Any, receive: Any, send: Any) -> None:
        async def send_when_warm(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                compile_templates(datasette)
                spare_what_is_loaded()
            await send(message)

        await app(scope, receive, send_when_warm if scope["type"] == "lifespan" else send)

    return warming


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
