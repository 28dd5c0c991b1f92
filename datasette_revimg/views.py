"""The pages: a row's similar pictures, as HTML and as JSON, and its thumbnail."""

from __future__ import annotations

import hashlib
import math
import shlex
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasette import Forbidden, Response
from datasette.utils import add_cors_headers, sqlite_timelimit, tilde_decode, urlsafe_components
from datasette.utils.asgi import Base400, Request
from datasette.views.base import DatasetteError

from . import compat, gallery, parameters, settings, store
from .cells import row_path, row_url
from .errors import Problem, RevimgError
from .registry import registry
from .similar import Answer, Question, Row, answer
from .store import Embedded
from .tables import Key, Source

if TYPE_CHECKING:
    from datasette.app import Datasette

# The scan of a large table takes its time; what takes this long is a mistake in a filter.
SEARCH_SECONDS = 30.0

# Browsers may show a thumbnail again this long without asking.
THUMBNAIL_SECONDS = 300


@dataclass(frozen=True)
class Place:
    """The embedded table that a request is about, which the actor may view."""

    datasette: Datasette
    request: Request
    db: Any
    entry: Embedded
    source: Source
    private: bool

    @property
    def row(self) -> list[str]:
        """The row's key, in the texts of its address."""
        values: list[str] = urlsafe_components(self.request.url_vars["pks"])
        return values

    def url(self, key: Key, page: str = "") -> str:
        return row_url(self.datasette, self.db.name, self.source, key, page)


async def similar(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/{pks}/-/similar{.json}``: the rows that look most like this one."""
    return await _respond(request, datasette, _similar)


async def thumbnail(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/{pks}/-/thumbnail``: the row's picture as a small WebP."""
    return await _respond(request, datasette, _thumbnail)


async def _similar(place: Place) -> Response:
    table = settings.of_table(place.datasette, place.db.name, place.source.name)
    asked = parameters.parse(place.request, table.size)
    condition = await parameters.condition(
        place.datasette, place.request, place.db, place.source, asked
    )
    question = Question(
        place.row,
        [urlsafe_components(row) for row in asked.like],
        [urlsafe_components(row) for row in asked.unlike],
        asked.size,
        asked.minimum,
        condition.sql,
        condition.values,
    )

    def find(conn: sqlite3.Connection) -> Answer:
        with sqlite_timelimit(conn, SEARCH_SECONDS * 1000):
            return answer(conn, place.source, question)

    found = await place.db.execute_fn(find)
    if _wants_json(place.request):
        return _json(place.datasette, _shaped(place, found, asked.shape))
    label = await place.db.label_column_for_table(place.source.name)
    shown = gallery.Shown(place.url, label, table.similar_columns)
    context = gallery.context(found, asked, condition.filters, place.source, shown)
    return await _html(
        place.datasette,
        place.request,
        "revimg_similar.html",
        {
            **context,
            "database": place.db.name,
            "table": place.source.name,
            "database_color": compat.database_color(place.db),
            "private": place.private,
            "entry": place.entry,
        },
    )


def _shaped(place: Place, found: Answer, shape: str) -> Any:
    rows: list[dict[str, Any]] = [
        {
            "score": row.score,
            "row": _finite(row),
            "url": place.url(row.key),
            "similar_url": place.url(row.key, "similar"),
            "thumbnail_url": place.url(row.key, "thumbnail"),
        }
        for row in found.rows
    ]
    if shape == "array":
        return rows
    body: dict[str, Any] = {
        "ok": True,
        "database": place.db.name,
        "table": place.source.name,
        "model": place.entry.model,
        "query": {
            "row": _finite(found.row),
            "url": place.url(found.row.key),
            "thumbnail_url": place.url(found.row.key, "thumbnail"),
            "like": [row_path(row.key) for row in found.like],
            "unlike": [row_path(row.key) for row in found.unlike],
        },
        "rows": rows,
        "filtered_table_rows_count": found.candidates,
        "ms": round(found.ms, 3),
    }
    if shape == "arrays":
        names = list(dict.fromkeys(name for row in rows for name in row["row"]))
        urls = ["url", "similar_url", "thumbnail_url"]
        body["columns"] = ["score", *names, *urls]
        body["rows"] = [
            [row["score"], *(row["row"].get(name) for name in names), *(row[url] for url in urls)]
            for row in rows
        ]
    return body


def _finite(row: Row) -> dict[str, Any]:
    # JSON has no infinity.
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.columns.items()
    }


async def _thumbnail(place: Place) -> Response:
    def read(conn: sqlite3.Connection) -> bytes | None:
        if len(place.row) != len(place.source.key_columns):
            return None
        return store.thumbnail(conn, place.source.name, place.row)

    picture = await place.db.execute_fn(read)
    if picture is None:
        raise Problem(404, f"there is no thumbnail of row {', '.join(place.row)}")
    tag = f'"{hashlib.sha256(picture).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        # Never in a cache that several people share, nor for the next who signs in here.
        "Cache-Control": f"private, max-age={THUMBNAIL_SECONDS}",
        "Vary": "Cookie, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    known = place.request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in [
        part.strip().removeprefix("W/") for part in known.split(",")
    ]:
        return Response(b"", 304, headers, "image/webp")
    return Response(picture, 200, headers, "image/webp")


async def _respond(
    request: Request, datasette: Datasette, page: Callable[[Place], Awaitable[Response]]
) -> Response:
    crumbs: dict[str, str] = {}
    try:
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, f"{request.method} is not possible here, only GET and HEAD")
        response = await page(await _place(request, datasette, crumbs))
    except Forbidden as error:
        # The HTML is Datasette's, or that of a plugin that lets people sign in.
        if not _wants_json(request):
            raise
        response = _json_problem(datasette, Problem(403, str(error)))
    except (RevimgError, Base400, DatasetteError, sqlite3.Error) as error:
        problem = _problem(error)
        if _wants_json(request):
            response = _json_problem(datasette, problem)
        else:
            response = await _html(
                datasette, request, "revimg_problem.html", {**crumbs, "problem": problem}
            )
            response.status = problem.status
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
    found = (await registry(db)).table(table)
    if found is None:
        if not await db.table_exists(table):
            raise Problem(404, f"there is no table {table!r} in {db.name}")
        crumbs["table"] = table
        raise Problem(
            404, f"the pictures of {table} are not embedded yet", _embed_command(db, table)
        )
    crumbs["table"] = found.source.name
    return Place(datasette, request, db, found.entry, found.source, private)


def _embed_command(db: Any, table: str) -> str:
    file = Path(db.path).name if db.path else f"{db.name}.db"
    return f"datasette revimg embed {shlex.quote(file)} {shlex.quote(table)}"


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case RevimgError():
            return Problem(400, str(error))
        case DatasetteError():
            return Problem(error.status, str(error.message))
        case Base400():
            return Problem(error.status, str(error))
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Problem(503, "the database is locked by another program, try again in a moment")
        case sqlite3.SQLITE_INTERRUPT:
            return Problem(503, f"the search took more than {SEARCH_SECONDS:.0f} seconds")
    return Problem(500, f"the database can’t be read: {error}")


def _wants_json(request: Request) -> bool:
    return bool(request.url_vars.get("format") == "json")


def _json(datasette: Datasette, body: Any, status: int = 200) -> Response:
    headers: dict[str, str] = {}
    if datasette.cors:
        add_cors_headers(headers)
    return Response.json(body, status=status, headers=headers)


def _json_problem(datasette: Datasette, problem: Problem) -> Response:
    body = {"ok": False, "error": problem.message, "errors": [problem.message]}
    return _json(datasette, {**body, "status": problem.status}, problem.status)


async def _html(
    datasette: Datasette, request: Request, template: str, context: dict[str, Any]
) -> Response:
    return Response.html(
        await datasette.render_template(template, context, request=request, view_name="revimg")
    )
