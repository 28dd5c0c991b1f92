"""Responses: JSON, HTML, pictures and other files, and the pages of problems."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Protocol

from datasette import Response
from datasette.utils import add_cors_headers
from datasette.utils.asgi import Request

from ..compat import Datasette
from ..problems import Problem
from ..work.pace import PacedList
from ..work.state import state_of

# Browsers may show a picture again this long without asking.
CACHE_SECONDS = 300


class Context(Protocol):
    """A dataclass whose fields are the variables of the template that it names."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True)
class ProblemPage:
    """The page of a problem; ``command`` would help, if there is one.

    ``database`` and ``table`` are named as far as the actor may see them.
    """

    template: ClassVar[str] = "revimg/problem.html"

    status: int
    heading: str
    command: str
    database: str | None = None
    table: str | None = None


def wants_json(request: Request) -> bool:
    """Return whether the address asks for JSON."""
    return bool(request.url_vars.get("format") == "json")


def json_response(datasette: Datasette, body: Any, status: int = 200) -> Response:
    """Return a body as JSON."""
    headers: dict[str, str] = {}
    if datasette.cors:
        add_cors_headers(headers)
    return Response.json(body, status=status, headers=headers)


async def long_json_response(datasette: Datasette, write: Callable[[], bytes]) -> Response:
    """Return a body that takes long to write as JSON, by ``write`` in a thread.

    Raises BusyError when too many are being written.
    """
    response = json_response(datasette, None)
    response.body = await state_of(datasette).writing.run(write)
    return response


def json_array(values: Iterable[Any]) -> str:
    """Return values as a JSON array.

    They are written one by one: other threads wait while ``json`` writes all of a value.
    """
    return f"[{', '.join(map(json.dumps, values))}]"


def json_object(members: Mapping[str, str]) -> bytes:
    """Return members, whose values are JSON already, as a JSON object."""
    parts = (f"{json.dumps(name)}: {text}" for name, text in members.items())
    return f"{{{', '.join(parts)}}}".encode()


async def html_response(datasette: Datasette, request: Request, context: Context) -> Response:
    """Return a page: the context's template with its variables filled in."""
    pace = state_of(datasette).pace
    await pace.turn()
    variables = {field.name: getattr(context, field.name) for field in fields(context)}
    for name, value in variables.items():
        if isinstance(value, list):
            variables[name] = PacedList(value, pace)
    text = await datasette.render_template(
        context.template, variables, request=request, view_name="revimg"
    )
    # Sites that a row links to are not told the address, which may hold keys and filters.
    return Response.html(text, headers={"Referrer-Policy": "same-origin"})


def json_problem(datasette: Datasette, problem: Problem) -> Response:
    """Return a problem as JSON, with its status."""
    body = {"ok": False, "error": problem.message, "errors": [problem.message]}
    return json_response(datasette, {**body, "status": problem.status}, problem.status)


async def problem_response(
    datasette: Datasette, request: Request, problem: Problem, crumbs: dict[str, str]
) -> Response:
    """Return a problem as JSON or as a page, with its status and headers.

    ``crumbs`` are the ``database`` and ``table`` for the page's navigation, as far as the actor may
    see them.
    """
    if wants_json(request):
        response = json_problem(datasette, problem)
    else:
        heading = problem.message[:1].upper() + problem.message[1:]
        page = ProblemPage(problem.status, heading, problem.command, **crumbs)
        response = await html_response(datasette, request, page)
        response.status = problem.status
    response.headers.update(problem.headers)
    return response


async def file_response(
    request: Request,
    version: bytes,
    content_type: str,
    make: Callable[[], Awaitable[bytes]],
    *,
    seconds: int = CACHE_SECONDS,
) -> Response:
    """Return a file, made only for a browser that doesn't have this version of it.

    ``version`` stands for the file's content: equal versions mean equal files. A browser may show
    the file again for this many ``seconds`` without asking; 0 means that it has to ask each time.
    """
    tag = f'"{hashlib.sha256(version).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        # Never in a cache that several people share, nor for the next who signs in here.
        "Cache-Control": f"private, max-age={seconds}" if seconds else "private, no-cache",
        "Vary": "Cookie, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    if _matches(tag, request.headers.get("if-none-match", "")):
        return Response(b"", 304, headers, content_type)
    return Response(await make(), 200, headers, content_type)


def _matches(tag: str, if_none_match: str) -> bool:
    """Compare weakly, as RFC 9110 says of If-None-Match."""
    tags = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return if_none_match.strip() == "*" or tag in tags
