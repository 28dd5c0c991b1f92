"""Datasette as it is used here, and the differences between its versions 0.65 and 1.0."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from datasette import hookspecs
from datasette.utils import actor_matches_allow
from jinja2 import Environment

from ..store.sql import PREFIX, fold_name

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

    @property
    def is_mutable(self) -> bool: ...

    async def execute_fn(self, fn: Callable[[sqlite3.Connection], Result]) -> Result: ...

    async def execute_write_fn(
        self, fn: Callable[[sqlite3.Connection], Result], *, transaction: bool = True
    ) -> Result: ...

    async def execute(
        self, sql: str, params: Mapping[str, Any] | None = None, *, log_sql_errors: bool = True
    ) -> Any: ...

    async def table_exists(self, table: str) -> bool: ...

    async def table_names(self) -> list[str]: ...

    async def label_column_for_table(self, table: str) -> str | None: ...

    async def foreign_keys_for_table(self, table: str) -> list[dict[str, str]]: ...


class Datasette(Protocol):
    """Datasette, as far as it is used here."""

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

    # These differ between versions, or exist in one only: nothing but this module uses them.

    @property
    def config(self) -> Mapping[str, Any] | None: ...

    @property
    def default_deny(self) -> bool: ...

    def metadata(self, key: str) -> Any: ...

    @property
    def check_visibility(self) -> Callable[..., Awaitable[tuple[bool, bool]]]: ...

    @property
    def permission_allowed(self) -> Callable[..., Awaitable[bool | None]]: ...

    @property
    def allowed(self) -> Callable[..., Awaitable[bool]]: ...

    @property
    def jinja_env(self) -> Environment: ...

    @property
    def get_jinja_environment(self) -> Callable[[], Environment]: ...

    @property
    def expand_foreign_keys(self) -> Callable[..., Awaitable[Mapping[tuple[str, Any], Any]]]: ...


# Only 1.0 gives the hook that draws a cell the request that it is drawn for.
CELLS_HAVE_REQUESTS = "request" in inspect.signature(hookspecs.render_cell).parameters


async def visibility(
    datasette: Datasette, actor: Actor, database: str, table: str
) -> tuple[bool, bool]:
    """Return whether the actor may view the table, and whether not everybody may."""
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
    """Return whether the actor may view anything at all."""
    if TableResource is None:
        visible, _ = await datasette.check_visibility(actor, permissions=["view-instance"])
        return bool(visible)
    return bool(await datasette.allowed(action="view-instance", actor=actor))


async def may_debug(datasette: Datasette, actor: Actor) -> bool:
    """Return whether the actor may see Datasette's own pages for debugging."""
    if TableResource is None:
        return bool(await datasette.permission_allowed(actor, "debug-menu", default=False))
    return bool(await datasette.allowed(action="debug-menu", actor=actor))


async def allowed(
    datasette: Datasette,
    actor: Actor,
    action: str,
    database: str,
    table: str,
    *,
    default: bool = True,
) -> bool:
    """Return whether the actor may take an action on the table.

    On 0.65 ``default`` is the answer unless it is configured otherwise; 1.0 has rules for that.
    """
    if TableResource is None:
        verdict = await datasette.permission_allowed(
            actor,
            action,
            (database, table),
            default=_configured(datasette, actor, action, database, table, default),
        )
    else:
        verdict = await datasette.allowed(
            action=action, resource=TableResource(database=database, table=table), actor=actor
        )
    return bool(verdict)


def _configured(
    datasette: Datasette, actor: Actor, action: str, database: str, table: str, default: bool
) -> bool:
    """Return whether 0.65's configuration allows an action, else the default.

    It is in the block ``permissions`` of the table, else of the database, else at the top, which
    only 1.0 reads itself.
    """
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
    return default


def action(name: str, description: str) -> object:
    """Return an action on tables, for 1.0's ``register_actions``."""
    return Action(
        name=name,
        description=description,
        resource_class=TableResource,
        also_requires="view-table",
    )


def allowed_by_default(datasette: Datasette, reason: str) -> object | None:
    """Return 1.0's rule that everybody may, which any configuration outranks."""
    rule: object = PermissionSQL.allow(reason=reason)
    return None if datasette.default_deny else rule


def permission_rules(sql: str, parameters: dict[str, Any]) -> object:
    """Return rules for 1.0's ``permission_resources_sql``, a hook that 0.65 doesn't have."""
    rules: object = PermissionSQL(sql=sql, params=parameters)
    return rules


def jinja_environment(datasette: Datasette) -> Environment:
    """Return the environment of Datasette's templates, where compiled ones are kept."""
    if TableResource is None:
        return datasette.jinja_env
    return datasette.get_jinja_environment()


def databases(datasette: Datasette) -> dict[str, Database]:
    """Return the databases that people see: 0.65 has its own, ``_internal``, among them."""
    return {name: db for name, db in datasette.databases.items() if name != "_internal"}


def database_color(db: Database) -> str:
    """Return the colour, as in CSS without its #, beside the titles of a database's pages."""
    return getattr(db, "color", "ff0000")


def configured_places(datasette: Datasette) -> Iterator[tuple[str | None, str | None]]:
    """Yield the places where plugins can be configured: the top, each database, each table.

    Databases and tables have the names that the user gave them.
    """
    yield None, None
    for database, settings in _configured_databases(datasette).items():
        yield database, None
        for table in (settings or {}).get("tables") or {}:
            yield database, table


def table_configuration(datasette: Datasette, database: str, table: str) -> dict[str, Any]:
    """Return Datasette's own configuration of a table."""
    settings = _configured_databases(datasette).get(database) or {}
    return (settings.get("tables") or {}).get(table) or {}


def hidden_tables(datasette: Datasette, database: str) -> dict[str, Any]:
    """Return metadata for 0.65 that hides the ``_revimg_`` tables of a database.

    It hides every table whose name begins with that of a hidden one. None is hidden where the
    user's metadata says of one of them that it isn't.
    """
    tables = (_configured_databases(datasette).get(database) or {}).get("tables") or {}
    for name, settings in tables.items():
        if fold_name(name).startswith(PREFIX) and (settings or {}).get("hidden") is False:
            return {}
    return {"databases": {database: {"tables": {PREFIX: {"hidden": True}}}}}


def _configured_databases(datasette: Datasette) -> Mapping[str, Any]:
    if TableResource is None:
        return datasette.metadata("databases") or {}
    return (datasette.config or {}).get("databases") or {}


async def foreign_labels(
    datasette: Datasette, actor: Actor, database: str, table: str, column: str, values: list[Any]
) -> dict[Any, str]:
    """Return the labels of the rows that a column refers to, by its values.

    A table that the actor may not view has none.
    """
    if TableResource is None:
        # 0.65 doesn't check permissions.
        for key in await datasette.get_database(database).foreign_keys_for_table(table):
            if key["column"] == column:
                visible, _ = await visibility(datasette, actor, database, key["other_table"])
                if not visible:
                    return {}
        labels = await datasette.expand_foreign_keys(database, table, column, values)
    else:
        labels = await datasette.expand_foreign_keys(actor, database, table, column, values)
    return {value: str(label) for (_, value), label in labels.items()}
