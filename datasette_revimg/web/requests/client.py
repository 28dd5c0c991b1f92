"""Work for a request ends when its client has gone: nobody would read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from datasette.utils.asgi import Request


class ClientGoneError(Exception):
    """The client has closed its connection before it was answered."""


@asynccontextmanager
async def while_connected(request: Request) -> AsyncIterator[None]:
    """Cancel the block when the client closes its connection. Raises ClientGoneError then.

    What is left of the request's body is thrown away: read it before.
    """
    limit = asyncio.timeout(None)
    try:
        async with limit:
            # The block stays in this task, where Datasette traces its queries.
            watching = asyncio.create_task(_watch(request.receive, limit))
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError as error:
        if limit.expired():
            raise ClientGoneError from error
        raise


async def _watch(
    receive: Callable[[], Awaitable[dict[str, Any]]] | None, limit: asyncio.Timeout
) -> None:
    # A request that was made up for a test or by another plugin has no client.
    if receive is None:
        return
    whole = False
    while (message := await receive())["type"] != "http.disconnect":
        # After the end of the body there is nothing but the end of the connection. A server that
        # has something else to say doesn't keep to that, and would be asked without end.
        if whole:
            return
        whole = not message.get("more_body", False)
    limit.reschedule(0)
