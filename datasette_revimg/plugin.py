"""Datasette's hooks: each hands over to the module that knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click
from datasette import hookimpl
from datasette.utils import StartupError

from . import cells, compat, permissions, settings, sql, views
from .compat import Actor
from .registry import registry

if TYPE_CHECKING:
    from datasette.app import Datasette


@hookimpl
def startup(datasette: Datasette) -> None:
    for database, table in compat.configured_places(datasette):
        try:
            settings.check(datasette, database, table)
        except settings.SettingsError as error:
            raise StartupError(str(error)) from error


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    sql.register(conn)


@hookimpl
def register_commands(cli: click.Group) -> None:
    # What only serves pages has no use for the network and its libraries.
    from .cli import revimg

    cli.add_command(revimg)


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    row = r"^/(?P<database>[^/\.]+)/(?P<table>[^/]+?)/(?P<pks>[^/]+?)/-/"
    return [
        (row + r"similar(\.(?P<format>json))?$", views.similar),
        (row + r"thumbnail$", views.thumbnail),
    ]


@hookimpl
def render_cell(
    row: Any, value: Any, column: str, table: str | None, database: str, datasette: Datasette
) -> Any:
    if table is None:
        return None

    # Datasette awaits it only if no other plugin has drawn the cell before.
    async def cell() -> Any:
        return await cells.render(datasette, database, table, row, column, value)

    return cell


@hookimpl
def row_actions(datasette: Datasette, database: str, table: str, row: Any) -> Any:
    return cells.action(datasette, database, table, row)


@hookimpl
def extra_css_urls(
    template: str, database: str | None, table: str | None, view_name: str, datasette: Datasette
) -> Any:
    async def urls() -> list[str]:
        wanted = template.startswith("revimg_")
        if view_name in ("table", "row") and database and table:
            known = await registry(datasette.get_database(database))
            wanted = known.table(table) is not None
        return [datasette.urls.static_plugins(settings.PLUGIN, "revimg.css")] if wanted else []

    return urls


# Last, because in 0.65 the last plugin that has an opinion is right.
@hookimpl(trylast=True)
def permission_allowed(datasette: Datasette, actor: Actor, action: str, resource: Any) -> Any:
    if action != "view-table" or not permissions.is_computed(resource[1]):
        return None

    async def verdict() -> bool | None:
        # Nothing is allowed by us that would be forbidden without us.
        return None if await permissions.may_view(datasette, actor, *resource) else False

    return verdict


@hookimpl
def permission_resources_sql(datasette: Datasette, actor: Actor, action: str) -> Any:
    return permissions.denials(datasette, actor) if action == "view-table" else None


# Until Python 3.12 Datasette finds templates and static files beside packages only.
__name__ = "datasette_revimg"
