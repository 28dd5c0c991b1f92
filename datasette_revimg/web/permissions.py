"""Permissions: those of the ``_revimg_`` tables are those of the tables they were computed from.

A picture's vector says a lot about it, and a thumbnail says nearly everything. So these tables
are never more public than their source, whatever the configuration says about them; they can
be less.
"""

from __future__ import annotations

import json
from contextvars import ContextVar

from ..store import duplicates_view, own_tables, schema, sql
from . import compat, settings
from .compat import Actor, Database, Datasette
from .embedded import Registry
from .work.state import state_of

# Everyone who may view a table may search it by image, unless this is configured otherwise.
UPLOAD = "revimg-upload"
UPLOAD_DESCRIPTION = "Search a table by image, or by a region of one"

# Nobody but root may do this, unless it is configured otherwise.
DECIDE = "revimg-decide"
DECIDE_DESCRIPTION = "Decide which pictures of a table are duplicates"

# 1.0's actions that change a table.
WRITES = ("insert-row", "update-row", "delete-row", "alter-table", "drop-table")

# The names of our own tables, for SQL's LIKE.
_PREFIX_PATTERN = sql.PREFIX.replace("_", "\\_") + "%"

# 1.0 asks every plugin for its rules whenever it decides about a table, which our own question
# about a source makes it do as well.
_asking: ContextVar[bool] = ContextVar("revimg_asking", default=False)

_DENY = """
    select database_name as parent, table_name as child, 0 as allow,
        'a picture''s vector and thumbnail are as private as the picture' as reason
    from catalog_tables
    where table_name like :revimg_prefix escape '\\'
    and not exists (
        select 1 from json_each(:revimg_visible)
        where json_extract(value, '$[0]') = database_name
        and json_extract(value, '$[1]') = table_name collate nocase
    )
    union
    -- 1.0 renews its catalog once a second; these have come since.
    select json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0,
        'a picture''s vector and thumbnail are as private as the picture'
    from json_each(:revimg_hidden)
"""

_DENY_WRITING = """
    select database_name as parent, table_name as child, 0 as allow,
        'only `datasette revimg` writes to this table' as reason
    from catalog_tables
    where table_name like :revimg_prefix escape '\\'
    union
    -- 1.0 renews its catalog once a second; these may have come since.
    select json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0,
        'only `datasette revimg` writes to this table'
    from json_each(:revimg_computed)
"""


def may_be_computed(table: str) -> bool:
    """Return whether a table's name is one that our tables and views have."""
    return schema.is_own(table) or sql.fold_name(table).endswith(duplicates_view.name_of(""))


async def is_computed(datasette: Datasette, database: str, table: str) -> bool:
    """Return whether a table is one of ours, by its name, or a view of ours."""
    if schema.is_own(table):
        return True
    known = await state_of(datasette).registry(datasette.get_database(database), current=True)
    return sql.fold_name(table) in map(sql.fold_name, known.computed)


async def may_view(datasette: Datasette, actor: Actor, database: str, table: str) -> bool:
    """Return whether the actor may view everything that a ``_revimg_`` table was computed from."""
    db, state = datasette.get_database(database), state_of(datasette)
    for source in await _sources(db, await state.registry(db), table):
        if not await state.visible.may_view(datasette, actor, database, source):
            return False
    return True


async def may_view_any(datasette: Datasette, actor: Actor, database: str) -> bool:
    """Return whether the actor may view any of a database's embedded tables."""
    state = state_of(datasette)
    for table in (await state.registry(datasette.get_database(database))).tables.values():
        if await state.visible.may_view(datasette, actor, database, table.source.name):
            return True
    return False


async def _sources(db: Database, known: Registry, table: str) -> tuple[str, ...]:
    name = sql.fold_name(table)
    owner = known.owners.get(name)
    if owner is not None and owner not in known.lost:
        return (owner,)
    computed = set(map(sql.fold_name, known.computed))
    every_owner_known = (
        not known.lost
        and not known.newer
        and computed <= known.owners.keys() | {*own_tables.SHARED}
    )
    if name in own_tables.SHARED and name in computed and every_owner_known:
        return known.sources
    # What an interrupted run or a dropped table left behind, what belongs to a table that has
    # another name now, or what a later version of this program has made: it may be anybody's.
    everybody = (each for each in await db.table_names() if not schema.is_own(each))
    return (*known.sources, *everybody)


async def may_upload(datasette: Datasette, actor: Actor, database: str, table: str) -> bool:
    """Return whether the actor, who may view the table, may search it by image."""
    if not settings.for_table(datasette, database, table).upload:
        return False
    return await compat.allowed(datasette, actor, UPLOAD, database, table)


async def may_decide(datasette: Datasette, actor: Actor, database: str, table: str) -> bool:
    """Return whether the actor, who may view the table, may decide on its duplicates."""
    root = (actor or {}).get("id") == "root"
    return await compat.allowed(datasette, actor, DECIDE, database, table, default=root)


async def write_denials(datasette: Datasette) -> object:
    """Return rules for 1.0 that deny writing to the ``_revimg_`` tables to everybody.

    What is in them decides which files are read and what a search finds; only ``datasette
    revimg`` writes there.
    """
    computed = [
        [database, table]
        for database, db in compat.databases(datasette).items()
        for table in (await state_of(datasette).registry(db, current=True)).computed
    ]
    return compat.permission_rules(
        _DENY_WRITING, {"revimg_prefix": _PREFIX_PATTERN, "revimg_computed": json.dumps(computed)}
    )


async def denials(datasette: Datasette, actor: Actor) -> object | None:
    """Return rules for 1.0 that deny the ``_revimg_`` tables of hidden sources.

    A source is hidden when the actor may not view it.
    """
    if _asking.get():
        return None
    token = _asking.set(True)
    try:
        visible: list[list[str]] = []
        hidden: list[list[str]] = []
        for database, db in compat.databases(datasette).items():
            for table in (await state_of(datasette).registry(db, current=True)).computed:
                seen = await may_view(datasette, actor, database, table)
                (visible if seen else hidden).append([database, table])
    finally:
        _asking.reset(token)
    return compat.permission_rules(
        _DENY,
        {
            "revimg_prefix": _PREFIX_PATTERN,
            "revimg_visible": json.dumps(visible),
            "revimg_hidden": json.dumps(hidden),
        },
    )
