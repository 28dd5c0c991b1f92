"""What differs between Datasette 0.65 and 1.0, and nothing else."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from datasette import hookspecs
from datasette.utils import actor_matches_allow

from ..store.sql import fold_name

try:
    from datasette.permissions import Action, PermissionSQL
    from datasette.resources import TableResource
except ImportError:  # Datasette 0.65
    TableResource = None

Actor = dict[str, Any] | None

Result = TypeVar("Result")


class Database(Protocol):
    """One of Datasette's databases, as far as it is used here."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str | None: ...

    async def execute_fn(self, fn: Callable[[sqlite3.Connection], Result]) -> Result: ...

    async def execute(
        self, sql: str, params: Mapping[str, Any] | None = None, *, log_sql_errors: bool = True
    ) -> Any: ...

    async def table_exists(self, table: str) -> bool: ...

    async def table_names(self) -> list[str]: ...

    async def label_column_for_table(self, table: str) -> str | None: ...

    async def foreign_keys_for_table(self, table: str) -> list[dict[str, str]]: ...


class Datasette(Protocol):
    """Datasette, as far as it is used here; calls that differ between versions are Any."""

    @property
    def databases(self) -> Mapping[str, Database]: ...

    @property
    def urls(self) -> Any: ...

    @property
    def cors(self) -> bool: ...

    def get_database(self, name: str | None = None, route: str | None = None) -> Database: ...

    def setting(self, key: str) -> Any: ...

    def plugin_config(
        self,
        plugin_name: str,
        database: str | None = None,
        table: str | None = None,
        fallback: bool = True,
    ) -> Any: ...

    async def render_template(
        self,
        templates: str,
        context: Mapping[str, Any] | None = None,
        request: Any = None,
        view_name: str | None = None,
    ) -> str: ...

    def __getattr__(self, name: str) -> Any: ...


# Whether the hook that draws a cell is told for whom.
CELLS_HAVE_REQUESTS = "request" in inspect.signature(hookspecs.render_cell).parameters


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


async def may_view_instance(datasette: Datasette, actor: Actor) -> bool:
    """Whether the actor may view anything at all."""
    if TableResource is None:
        visible, _ = await datasette.check_visibility(actor, permissions=["view-instance"])
        return bool(visible)
    return bool(await datasette.allowed(action="view-instance", actor=actor))


async def allowed(
    datasette: Datasette, actor: Actor, action: str, database: str, table: str
) -> bool:
    """Whether the actor may do on the table what everybody may unless it is configured."""
    if TableResource is None:
        verdict = await datasette.permission_allowed(
            actor,
            action,
            (database, table),
            default=_configured(datasette, actor, action, database, table),
        )
    else:
        verdict = await datasette.allowed(
            action=action, resource=TableResource(database=database, table=table), actor=actor
        )
    return bool(verdict)


def _configured(datasette: Datasette, actor: Actor, action: str, database: str, table: str) -> bool:
    """What 0.65's configuration says in a block ``permissions``, which only 1.0 reads itself:
    that of the table, else of the database, else at the top, else that everybody may."""
    of_database = (datasette.metadata("databases") or {}).get(database) or {}
    of_table = {
        fold_name(name): settings for name, settings in (of_database.get("tables") or {}).items()
    }.get(fold_name(table))
    for permissions in (
        (of_table or {}).get("permissions"),
        of_database.get("permissions"),
        datasette.metadata("permissions"),
    ):
        allow = (permissions or {}).get(action)
        if allow is not None:
            return bool(actor_matches_allow(actor, allow))
    return True


def action(name: str, description: str) -> Any:
    """An action on tables, for 1.0's ``register_actions``."""
    return Action(
        name=name,
        description=description,
        resource_class=TableResource,
        also_requires="view-table",
    )


def allowed_by_default(datasette: Datasette, reason: str) -> Any:
    """1.0's rule that everybody may, which any configuration outdoes."""
    return None if datasette.default_deny else PermissionSQL.allow(reason=reason)


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


def table_configuration(datasette: Datasette, database: str, table: str) -> dict[str, Any]:
    """What Datasette's own configuration says about a table."""
    if TableResource is None:
        configured = datasette.metadata("databases")
    else:
        configured = (datasette.config or {}).get("databases")
    of_tables = ((configured or {}).get(database) or {}).get("tables") or {}
    return of_tables.get(table) or {}


async def foreign_labels(
    datasette: Datasette, actor: Actor, database: str, table: str, column: str, values: list[Any]
) -> dict[Any, str]:
    """What the rows that a column refers to are called, by its values; nothing of a table that the
    actor may not view."""
    if TableResource is None:
        # 0.65 shows them to everybody.
        for key in await datasette.get_database(database).foreign_keys_for_table(table):
            if key["column"] == column:
                visible, _ = await visibility(datasette, actor, database, key["other_table"])
                if not visible:
                    return {}
        labels = await datasette.expand_foreign_keys(database, table, column, values)
    else:
        labels = await datasette.expand_foreign_keys(actor, database, table, column, values)
    return {value: str(label) for (_, value), label in labels.items()}
