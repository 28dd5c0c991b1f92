"""Which tables of a Datasette database are embedded: asked for every cell, so kept a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from datasette.utils.sqlite import sqlite3

from ..errors import RevimgError
from ..store import registry, schema, tables
from ..store.registry import EmbeddedTable
from ..store.sql import fold_name
from ..store.tables import Table

# Long enough for all cells of a page, short enough that nobody waits for a new table.
FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class KnownTable:
    """An embedded table: its record, the table itself, and the column whose cells show the
    pictures."""

    embedded: EmbeddedTable
    source: Table
    cell_column: str


@dataclass(frozen=True)
class Registry:
    """What a database has embedded.

    ``tables`` by folded name; ``owners`` tells whose each
    ``_revimg_`` table is; ``computed`` are the names of all tables that start with the prefix,
    whether anybody owns them or not.
    """

    tables: Mapping[str, KnownTable] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    computed: tuple[str, ...] = ()

    def table(self, name: str) -> KnownTable | None:
        """An embedded table that still exists."""
        return self.tables.get(fold_name(name))

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all embedded tables, also of those that were dropped since."""
        return tuple(dict.fromkeys(self.owners.values()))


# By the Database object itself: a name says nothing, each Datasette may have its own "data".
# When it was read, of which schema.
_kept: WeakKeyDictionary[Any, tuple[float, int, Registry]] = WeakKeyDictionary()


async def current_registry(db: Any, *, current: bool = False) -> Registry:
    """The registry of a Datasette database, at most FRESH_SECONDS old; with ``current`` it has
    every table that there is now."""
    now = time.monotonic()
    read, version, kept = _kept.get(db, (-FRESH_SECONDS, -1, Registry()))
    if now - read < FRESH_SECONDS and (not current or await db.execute_fn(_version) == version):
        return kept
    fresh: tuple[int, Registry] = await db.execute_fn(lambda conn: (_version(conn), _read(conn)))
    _kept[db] = now, *fresh
    return fresh[1]


def _version(conn: sqlite3.Connection) -> int:
    """The number that SQLite changes with the schema, -1 when the database can't be read."""
    try:
        return schema.version(conn)
    except sqlite3.Error:
        return -1


def _read(conn: sqlite3.Connection) -> Registry:
    """Empty when the database can't be read: its own pages say so, others must go on."""
    try:
        computed = [name for name in schema.table_names(conn) if schema.is_own(name)]
    except sqlite3.Error:
        return Registry()
    try:
        entries = registry.embedded_tables(conn)
    except sqlite3.Error:
        # A table of somebody else's that has the name of ours.
        entries = []
    found: dict[str, KnownTable] = {}
    for embedded in entries:
        try:
            source = tables.find(conn, embedded.table_name)
        except RevimgError:
            continue
        cell_column = _cell_column(conn, embedded.column_name, source)
        found[fold_name(embedded.table_name)] = KnownTable(embedded, source, cell_column)
    return Registry(
        found,
        {
            fold_name(own): embedded.table_name
            for embedded in entries
            for own in registry.own_tables(embedded.table_name)
        },
        tuple(computed),
    )


def _cell_column(conn: sqlite3.Connection, pictures: str, source: Table) -> str:
    """The column of the pictures, or a neighbour where that is the table's only key, as ``path``
    is in a table of files: Datasette shows such a key as the link to the row, by itself."""
    if [fold_name(name) for name, _ in source.keys] != [fold_name(pictures)]:
        return pictures
    references = schema.foreign_keys(conn, source.name)
    # Their cells are Datasette's own business too, they link to other rows.
    taken = {fold_name(pictures), *(fold_name(name) for name, _ in references)}
    return next((name for name in source.columns if fold_name(name) not in taken), pictures)
