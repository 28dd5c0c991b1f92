"""Views: the functions that Datasette calls for an address, made of functions of a place."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from datasette import Forbidden, Response
from datasette.utils.asgi import Request

from ...errors import NewRowError
from ..compat import Datasette
from ..problems import Expected, Problem, problem_of
from ..work import changed_rows
from .client import ClientGoneError, while_connected
from .place import Place, find_place
from .responses import json_problem, problem_response, wants_json

# As nginx's log says it; nobody reads this answer.
CLIENT_GONE = 499

Page = Callable[[Place], Awaitable[Response]]
View = Callable[[Request, Datasette], Awaitable[Response]]


def view(*methods: str) -> Callable[[Page], View]:
    """Make a view of a page about an embedded table; without ``methods`` it allows GET and HEAD.

    The page is called with a place that the actor may view. The problems it raises become pages
    or JSON with their status.
    """
    allowed = methods or ("GET", "HEAD")

    def decorate(page: Page) -> View:
        # Datasette passes arguments by the names it finds in the signature. So this has its own,
        # and functools.wraps, which shows that of the page, can't be used.
        async def respond(request: Request, datasette: Datasette) -> Response:
            crumbs: dict[str, str] = {}
            try:
                _check_method(request.method, allowed)
                # A form is still to be read, and its page watches the client afterwards.
                form = request.method == "POST"
                async with contextlib.nullcontext() if form else while_connected(request):
                    response = await page(await find_place(request, datasette, crumbs))
            except ClientGoneError:
                return Response("", CLIENT_GONE)
            except Forbidden as error:
                # The HTML is Datasette's, or that of a plugin that lets people sign in.
                if not wants_json(request):
                    raise
                response = json_problem(datasette, Problem(403, str(error)))
            except Expected as error:
                problem = problem_of(error)
                if isinstance(error, NewRowError) and changed_rows.is_pending(datasette, **crumbs):
                    problem = Problem(
                        problem.status,
                        f"{error}, but it is about to be: load this page again in a moment",
                    )
                response = await problem_response(datasette, request, problem, crumbs)
            if request.method == "HEAD":
                response.body = b""
            return response

        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(respond, name, getattr(page, name))
        return respond

    return decorate


def _check_method(method: str, allowed: tuple[str, ...]) -> None:
    if method not in allowed:
        sentence = f"{method} is not allowed here, only {' and '.join(allowed)}"
        raise Problem(405, sentence, headers={"Allow": ", ".join(allowed)})
