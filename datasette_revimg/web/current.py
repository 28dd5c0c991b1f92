"""The request that is being answered: Datasette 0.65 doesn't say for whom it draws a cell."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from datasette.utils.asgi import Request

_request: ContextVar[Request | None] = ContextVar("revimg_request", default=None)


def remember_request(request: Request) -> None:
    """Remember the request until it is answered. Its actor is known once all plugins were asked."""
    _request.set(request)


def current_request() -> Request | None:
    """Return the request that is being answered, in this task."""
    return _request.get()


def forget_requests(app: Any) -> Any:
    """Return the ASGI application that forgets each request once it is answered.

    A plugin may have one answered within another, as somebody else.
    """

    async def forgetting(scope: Any, receive: Any, send: Any) -> None:
        token = _request.set(None)
        try:
            await app(scope, receive, send)
        finally:
            _request.reset(token)

    return forgetting
