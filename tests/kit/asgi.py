"""Requests of any bytes to a Datasette in the test's own process, past any client's checks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from datasette.app import Datasette

# What hangs is a failure; a machine that is merely slow is none.
SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """A response: its status, its content type and its body."""

    status: int
    content_type: str
    body: bytes


class Asker:
    """Asks a Datasette, one request after another, outside any event loop of the test's."""

    def __init__(self, datasette: Datasette, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._runner.run(datasette.invoke_startup())
        self._app = datasette.app()

    def ask(
        self,
        path: bytes,
        query: bytes = b"",
        method: str = "GET",
        headers: dict[bytes, bytes] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send a request whose path and query string are these bytes."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "raw_path": path,
            # As servers do (uvicorn's h11 implementation).
            "path": unquote_to_bytes(path).decode("latin-1"),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"localhost"), *(headers or {}).items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        return self._runner.run(self._sent(scope, body))

    async def _sent(self, scope: dict[str, Any], body: bytes) -> Answer:
        started: dict[str, Any] = {}
        content = bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                content.extend(message.get("body", b""))

        async with asyncio.timeout(SECONDS):
            await self._app(scope, receive, send)
        headers = {name.lower(): value for name, value in started["headers"]}
        kind = headers.get(b"content-type", b"").decode("latin-1")
        return Answer(started["status"], kind, bytes(content))


@contextmanager
def asking(datasette: Datasette) -> Iterator[Asker]:
    """Start a Datasette to ask; its event loop ends with the block."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        # Where rich is installed, Datasette prints every problem with it, and fails at a 404.
        patch.setattr("datasette.handle_exception.rich", None)
        yield Asker(datasette, runner)
