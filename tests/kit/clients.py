"""Work as it is done for a request of a certain client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from datasette.utils.asgi import Request

from datasette_revimg.web.current import remember_request

Result = TypeVar("Result")

# Where the requests of Datasette's own client come from.
OWN = "127.0.0.1"


def as_client(address: str, work: Callable[..., Result], *arguments: Any) -> Result:
    """Call ``work`` as for a request from an address, and return what it returns."""

    def called() -> Result:
        remember_request(Request({"type": "http", "client": (address, 1), "headers": []}, None))
        return work(*arguments)

    return copy_context().run(called)


def task_of(address: str, coroutine: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Begin a task as for a request from an address."""
    return as_client(address, asyncio.get_running_loop().create_task, coroutine)
