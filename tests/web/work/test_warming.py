"""What a server does when it starts, so that no visitor waits for it."""

from __future__ import annotations

import gc

import pytest
from datasette.app import Datasette

from datasette_revimg.web.compat import jinja_environment

pytestmark = pytest.mark.asyncio


async def started_by_a_server(datasette: Datasette) -> None:
    """Start Datasette as an ASGI server does (ASGI's specification, "Lifespan Protocol")."""
    messages, events = ["lifespan.startup", "lifespan.shutdown"], []

    async def receive():
        return {"type": messages.pop(0)}

    async def send(message):
        events.append(message["type"])

    await datasette.app()({"type": "lifespan"}, receive, send)
    assert events == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_collections_of_garbage_pass_over_what_is_loaded():
    await started_by_a_server(Datasette([]))
    assert gc.get_freeze_count() > len(gc.get_objects())


async def test_our_templates_are_compiled():
    datasette = Datasette([])
    await started_by_a_server(datasette)
    environment = jinja_environment(datasette)
    compiled = {name for _, name in list(environment.cache)}
    ours = {name for name in environment.list_templates() if name.startswith("revimg/")}
    assert {"revimg/similar.html", "base.html"} <= ours | {"base.html"} <= compiled
