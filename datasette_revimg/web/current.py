"""The request that is being answered, and whose it is.

Datasette 0.65 doesn't say for whom it draws a cell, and work that waits has left its page behind.
"""

from __future__ import annotations

import ipaddress
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


def current_client() -> str | None:
    """Return a name of whoever sent the request that is being answered.

    It is that of the actor, or else of the address; None where neither is known.
    """
    request = _request.get()
    if request is None:
        return None
    actor = request.scope.get("actor")
    if actor and actor.get("id") is not None:
        return f"actor {actor['id']}"
    address = client_address(request)
    return network(address) if address else None


def client_address(request: Request) -> str | None:
    """Return the address that sent a request, None where the server doesn't know it."""
    address, *_ = request.scope.get("client") or (None,)
    return address


def network(address: str) -> str:
    """Return what one client can't change of its address.

    In IPv6, each has a network of 64 bits to itself.
    """
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(known.ipv4_mapped or int(known) >> 64)


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
