"""Datasette's hooks; each calls the module that does the work."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import click
from datasette import hookimpl
from datasette.utils import StartupError
from datasette.utils.asgi import Request
from markupsafe import Markup
from sqlite_utils.plugins import ensure_plugins_loaded

from ..search import cache, functions
from ..store import connection
from ..teaching import functions as learnt_functions
from . import cells, compat, current, permissions, settings, writes
from .compat import Actor, Datasette
from .pages import (
    compare,
    diagnostics,
    duplicates,
    map,
    map_data,
    matrix,
    overview,
    row_pictures,
    similar,
    upload,
    why,
)
from .requests import uploads
from .work import changed_rows
from .work.lifespan import with_lifespan
from .work.state import state_of

Cell = Callable[[], Awaitable[Markup | None]]
Actions = Awaitable[list[dict[str, str]]]


@hookimpl
def startup(datasette: Datasette) -> None:
    for database, table in compat.configured_places(datasette):
        try:
            settings.check(datasette, database, table)
        except settings.SettingsError as error:
            raise StartupError(str(error)) from error
    # The first of several threads that write would do it at the same time as the second.
    ensure_plugins_loaded()
    cache.PROCESS.limit = settings.of_process(datasette).max_cache_bytes


@hookimpl
def shutdown(datasette: Datasette) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await asyncio.to_thread(state_of(datasette).close)

    return close


@hookimpl
def prepare_connection(conn: sqlite3.Connection, database: str, datasette: Datasette) -> None:
    db = datasette.databases.get(database)
    learnt_functions.register(conn)
    functions.register(conn, state_of(datasette).database(db).search if db else None)
    # A mapped page of a file that somebody overwrites in place is a signal that ends the process:
    # only for files that are promised never to change.
    if db and not db.is_mutable:
        connection.map_pages(conn)


@hookimpl
def register_commands(cli: click.Group) -> None:
    # What only serves pages has no use for the network and its libraries.
    from ..cli import revimg

    cli.add_command(revimg)


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    row = r"^/(?P<database>[^/\.]+)/(?P<table>[^/]+?)/(?P<pks>[^/]+?)/-/"
    table = r"^/(?P<database>[^/\.]+)/(?P<table>[^/]+?)/-/"
    return [
        (r"^/-/revimg(\.(?P<format>json))?$", diagnostics.diagnostics),
        (table + r"matrix(\.(?P<format>json))?$", matrix.page),
        (table + r"matrix\.png$", matrix.picture),
        (table + r"matrix-values$", matrix.values),
        (table + r"map(\.(?P<format>json))?$", map.page),
        (table + r"map-data$", map_data.data),
        (table + r"map-sheet$", map_data.sheet),
        (uploads.DECISIONS_PATH, duplicates.page),
        (table + r"duplicates\.csv$", duplicates.table),
        (row + r"similar(\.(?P<format>json))?$", similar.similar),
        (row + r"thumbnail$", row_pictures.thumbnail),
        (row + r"picture$", row_pictures.picture),
        (row + r"compare(\.(?P<format>json))?$", compare.compare),
        (row + r"why(\.(?P<format>json))?$", why.explain),
        (uploads.PATH, upload.similar),
    ]


def _cell(
    row: sqlite3.Row,
    value: Any,
    column: str,
    table: str | None,
    database: str,
    datasette: Datasette,
    request: Request | None,
) -> Cell:
    # Datasette awaits it only if no other plugin has drawn the cell before.
    async def cell() -> Markup | None:
        if table is None:
            return await cells.render_result(datasette, database, row, column, value, request)
        return await cells.render(datasette, database, table, row, column, value)

    return cell


if compat.CELLS_HAVE_REQUESTS:

    @hookimpl
    def render_cell(
        row: sqlite3.Row,
        value: Any,
        column: str,
        table: str | None,
        database: str,
        datasette: Datasette,
        request: Request,
    ) -> Cell:
        return _cell(row, value, column, table, database, datasette, request)

else:

    @hookimpl
    def render_cell(
        row: sqlite3.Row,
        value: Any,
        column: str,
        table: str | None,
        database: str,
        datasette: Datasette,
    ) -> Cell:
        request = current.current_request()
        return _cell(row, value, column, table, database, datasette, request)


@hookimpl
def asgi_wrapper(datasette: Datasette) -> Callable[[Any], Any]:
    return lambda app: with_lifespan(datasette, current.forget_requests(app))


# It has no opinion on who the actor is; every request comes by here.
@hookimpl
def actor_from_request(request: Request) -> None:
    current.remember_request(request)


@hookimpl
def row_actions(datasette: Datasette, database: str, table: str, row: sqlite3.Row) -> Actions:
    return cells.action(datasette, database, table, row)


@hookimpl(specname="table_actions")
def overview_actions(datasette: Datasette, database: str, table: str, request: Request) -> Actions:
    return overview.actions(datasette, database, table, request)


@hookimpl(specname="table_actions")
def duplicates_actions(datasette: Datasette, database: str, table: str) -> Actions:
    return duplicates.action(datasette, database, table)


@hookimpl
def table_actions(datasette: Datasette, actor: Actor, database: str, table: str) -> Actions:
    return upload.action(datasette, actor, database, table)


@hookimpl
def menu_links(datasette: Datasette, actor: Actor) -> Actions:
    async def links() -> list[dict[str, str]]:
        # Beside Datasette's own pages for debugging, and for the same people.
        if not await compat.may_debug(datasette, actor):
            return []
        return [{"href": datasette.urls.path("/-/revimg"), "label": "Image search"}]

    return links()


@hookimpl
def skip_csrf(datasette: Datasette, scope: dict[str, Any]) -> bool:
    return uploads.is_guarded(datasette, scope)


@hookimpl
def register_actions() -> list[object]:
    return [
        compat.action(permissions.UPLOAD, permissions.UPLOAD_DESCRIPTION),
        compat.action(permissions.DECIDE, permissions.DECIDE_DESCRIPTION),
    ]


@hookimpl
def extra_css_urls(
    template: str | None,
    database: str | None,
    table: str | None,
    view_name: str,
    request: Request | None,
    datasette: Datasette,
) -> Callable[[], Awaitable[list[str]]]:
    # Datasette has no name for a template that it was given as an object.
    template = template or ""

    async def urls() -> list[str]:
        wanted = template.startswith("revimg/")
        if view_name in ("table", "row") and database and table:
            known = await state_of(datasette).registry(datasette.get_database(database))
            wanted = known.table(table) is not None
        elif template.startswith("query") and database:
            actor = request.actor if request else None
            wanted = await permissions.may_view_any(datasette, actor, database)
        return [datasette.urls.static_plugins(settings.PLUGIN, "revimg.css")] if wanted else []

    return urls


# 1.0 hides tables whose names start with an underscore, and has no such hook.
@hookimpl
def get_metadata(
    datasette: Datasette, key: str | None, database: str | None, table: str | None
) -> dict[str, Any]:
    # The one question of the pages that list tables. Answers to others are shown to people.
    if database and key is None and table is None:
        return compat.hidden_tables(datasette, database)
    return {}


# Last, because in 0.65 the last plugin that has an opinion is right.
@hookimpl(trylast=True)
def permission_allowed(
    datasette: Datasette, actor: Actor, action: str, resource: Any
) -> Callable[[], Awaitable[bool | None]] | None:
    if action != "view-table" or not isinstance(resource, tuple) or len(resource) != 2:
        return None
    database, table = resource
    if database not in datasette.databases or not permissions.may_be_computed(table):
        return None

    async def verdict() -> bool | None:
        if not await permissions.is_computed(datasette, database, table):
            return None
        # No opinion rather than True, which could allow more than is allowed without this plugin.
        return None if await permissions.may_view(datasette, actor, database, table) else False

    return verdict


@hookimpl
def permission_resources_sql(
    datasette: Datasette, actor: Actor, action: str
) -> Awaitable[object | None] | object | None:
    if action == "view-table":
        return permissions.denials(datasette, actor)
    if action in permissions.WRITES:
        return permissions.write_denials(datasette)
    if action == permissions.UPLOAD:
        reason = "everyone who may view a table may search it"
        return compat.allowed_by_default(datasette, reason)
    return None


# 0.65 has no such hook, and no pages that write.
@hookimpl
def write_wrapper(
    request: Request | None,
) -> Callable[[sqlite3.Connection], Iterator[None]] | None:
    return writes.guard if request else None


# 0.65 has no events.
@hookimpl
def track_event(datasette: Datasette, event: Any) -> Awaitable[None]:
    return changed_rows.follow(datasette, event)
