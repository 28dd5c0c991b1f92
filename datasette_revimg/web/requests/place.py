"""What all our pages have in common: who may see them, what becomes of errors, HTML and JSON."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasette import Forbidden, Response
from datasette.utils import add_cors_headers, tilde_decode
from datasette.utils.asgi import Request

from ...embedding.plan import base_folder
from ...keys import Key, parse_row_path
from ...search.similar import Row, finite
from ...store.registry import EmbeddedTable
from ...store.tables import Table
from .. import compat, permissions, settings
from .. import rows as page_rows
from ..embedded import current_registry
from ..problems import Expected, Problem, problem_of
from ..rows import row_url

if TYPE_CHECKING:
    from datasette.app import Datasette


# Browsers may show a picture again this long without asking.
IMAGE_SECONDS = 300


@dataclass(frozen=True)
class Place:
    """The embedded table that a request is about, which the actor may view."""

    datasette: Datasette
    request: Request
    db: Any
    embedded: EmbeddedTable
    source: Table
    private: bool

    @property
    def base(self) -> Path | None:
        """The folder that the table's paths start from; none for a database without a file."""
        return base_folder(Path(self.db.path), self.embedded) if self.db.path else None

    @property
    def row(self) -> tuple[str, ...]:
        """The row's key, in the texts of its address."""
        return parse_row_path(self.request.url_vars["pks"])

    def url(self, key: Key, page: str = "") -> str:
        return row_url(self.datasette, self.db.name, self.source, key, page)

    @property
    def settings(self) -> settings.Settings:
        """What is configured for the table."""
        return settings.for_table(self.datasette, self.db.name, self.source.name)

    @property
    def body(self) -> dict[str, Any]:
        """What the JSON of all pages begins with."""
        return {
            "ok": True,
            "database": self.db.name,
            "table": self.source.name,
            "model": self.embedded.model,
        }

    @property
    def context(self) -> dict[str, Any]:
        """What the templates of all pages show of it."""
        return {
            "database": self.db.name,
            "table": self.source.name,
            "database_color": compat.database_color(self.db),
            "private": self.private,
            "embedded": self.embedded,
        }

    def described(self, row: Row) -> dict[str, Any]:
        """A row as the JSON of all pages has it, with its addresses."""
        return {
            "row": finite(row),
            "url": self.url(row.key),
            "similar_url": self.url(row.key, "similar"),
            "thumbnail_url": self.url(row.key, "thumbnail"),
        }

    async def label_column(self, rows: list[Row]) -> str | None:
        """The column that names these rows."""
        if not rows:
            return None
        given = await self.db.label_column_for_table(self.source.name)
        return page_rows.label_column(rows, self.source, given)


async def respond(
    request: Request,
    datasette: Datasette,
    page: Callable[[Place], Awaitable[Response]],
    methods: tuple[str, ...] = ("GET", "HEAD"),
) -> Response:
    """The page's response, or the problem it raised, as HTML or JSON with its status."""
    crumbs: dict[str, str] = {}
    try:
        if request.method not in methods:
            sentence = f"{request.method} is not possible here, only {' and '.join(methods)}"
            raise Problem(405, sentence, headers={"Allow": ", ".join(methods)})
        response = await page(await _place(request, datasette, crumbs))
    except Forbidden as error:
        # The HTML is Datasette's, or that of a plugin that lets people sign in.
        if not wants_json(request):
            raise
        response = json_problem(datasette, Problem(403, str(error)))
    except Expected as error:
        problem = problem_of(error)
        if wants_json(request):
            response = json_problem(datasette, problem)
        else:
            response = await html_response(
                datasette, request, "revimg/problem.html", {**crumbs, "problem": problem}
            )
            response.status = problem.status
        response.headers.update(problem.headers)
    if request.method == "HEAD":
        response.body = b""
    return response


async def _place(request: Request, datasette: Datasette, crumbs: dict[str, str]) -> Place:
    """What the request is about; ``crumbs`` is filled as far as the actor may see."""
    route = tilde_decode(request.url_vars["database"])
    table = tilde_decode(request.url_vars["table"])
    try:
        db = datasette.get_database(route=route)
    except KeyError:
        raise Problem(404, f"there is no database {route!r}") from None
    visible, private = await compat.visibility(datasette, request.actor, db.name, table)
    if not visible:
        raise Forbidden("You do not have permission to view this table")
    crumbs["database"] = db.name
    found = (await current_registry(db)).table(table)
    if found is None:
        if not await db.table_exists(table):
            raise Problem(404, f"there is no table {table!r} in {db.name}")
        crumbs["table"] = table
        raise Problem(
            404, f"the pictures of {table} are not embedded yet", _embed_command(db, table)
        )
    if found.source.name != table:
        # By whatever name it was found, what counts is whether the table itself may be seen.
        visible, private = await compat.visibility(
            datasette, request.actor, db.name, found.source.name
        )
        if not visible:
            raise Forbidden("You do not have permission to view this table")
    crumbs["table"] = found.source.name
    return Place(datasette, request, db, found.embedded, found.source, private)


async def check_upload(place: Place) -> None:
    """Refuse who may not have pictures searched for. Problem 403 when nobody may."""
    name = place.source.name
    if not place.settings.upload:
        raise Problem(403, f"search by image or region and heat maps are switched off for {name}")
    if not await permissions.may_upload(place.datasette, place.request.actor, place.db.name, name):
        raise Forbidden(f"You do not have permission to search {name} by image or region")


def _embed_command(db: Any, table: str) -> str:
    file = Path(db.path).name if db.path else f"{db.name}.db"
    return f"datasette revimg embed {shlex.quote(file)} {shlex.quote(table)}"


def wants_json(request: Request) -> bool:
    return bool(request.url_vars.get("format") == "json")


def json_response(datasette: Datasette, body: Any, status: int = 200) -> Response:
    headers: dict[str, str] = {}
    if datasette.cors:
        add_cors_headers(headers)
    return Response.json(body, status=status, headers=headers)


def json_problem(datasette: Datasette, problem: Problem) -> Response:
    """The problem as JSON, with its status."""
    body = {"ok": False, "error": problem.message, "errors": [problem.message]}
    return json_response(datasette, {**body, "status": problem.status}, problem.status)


async def html_response(
    datasette: Datasette, request: Request, template: str, context: dict[str, Any]
) -> Response:
    # What was computed so far and the template take some milliseconds each: others may come
    # between, however many pages are ready at once.
    await asyncio.sleep(0)
    return Response.html(
        await datasette.render_template(template, context, request=request, view_name="revimg")
    )


async def image_response(
    request: Request, version: bytes, make: Callable[[], Awaitable[bytes]]
) -> Response:
    """A WebP picture, made only for a browser that hasn't this version of it."""
    tag = f'"{hashlib.sha256(version).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        # Never in a cache that several people share, nor for the next who signs in here.
        "Cache-Control": f"private, max-age={IMAGE_SECONDS}",
        "Vary": "Cookie, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in [
        part.strip().removeprefix("W/") for part in known.split(",")
    ]:
        return Response(b"", 304, headers, "image/webp")
    return Response(await make(), 200, headers, "image/webp")
