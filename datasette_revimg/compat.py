"""What differs between Datasette 0.65 and 1.0, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasette.app import Datasette

try:
    from datasette.permissions import PermissionSQL
    from datasette.resources import TableResource
except ImportError:  # Datasette 0.65
    TableResource = None

Actor = dict[str, Any] | None


async def visibility(
    datasette: Datasette, actor: Actor, database: str, table: str
) -> tuple[bool, bool]:
    """Whether the actor may view the table, and whether that is more than everybody may."""
    if TableResource is None:
        verdict = await datasette.check_visibility(
            actor,
            permissions=[
                ("view-table", (database, table)),
                ("view-database", database),
                "view-instance",
            ],
        )
    else:
        verdict = await datasette.check_visibility(
            actor, action="view-table", resource=TableResource(database=database, table=table)
        )
    visible, private = verdict
    return visible, private


def permission_rules(sql: str, parameters: dict[str, Any]) -> Any:
    """Rules for 1.0's ``permission_resources_sql``, which 0.65 never asks for."""
    return PermissionSQL(sql=sql, params=parameters)


def databases(datasette: Datasette) -> dict[str, Any]:
    """The databases that people see: 0.65 has its own, ``_internal``, among them."""
    return {name: db for name, db in datasette.databases.items() if name != "_internal"}


def database_color(db: Any) -> str:
    """The colour, as in CSS without its #, beside the titles of a database's pages."""
    return getattr(db, "color", "ff0000")


def configured_places(datasette: Datasette) -> Iterator[tuple[str | None, str | None]]:
    """Where plugins can be configured: the top, each database, each table, as the user named
    them."""
    if TableResource is None:
        configured = datasette.metadata("databases")
    else:
        configured = (datasette.config or {}).get("databases")
    yield None, None
    for database, settings in (configured or {}).items():
        yield database, None
        for table in (settings or {}).get("tables") or {}:
            yield database, table
