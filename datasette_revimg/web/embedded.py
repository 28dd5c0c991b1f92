"""The embedded tables of a Datasette database: wanted for every cell, so kept for a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from datasette.utils.sqlite import sqlite3

from ..errors import NewerVersionError, RevimgError
from ..store import duplicates_view, own_tables, registry, schema, tables, version
from ..store.registry import EmbeddedTable
from ..store.sql import fold_name
from ..store.tables import Table
from .compat import Database

# Long enough for all cells of a page, short enough that nobody waits for a new table.
FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class KnownTable:
    """An embedded table: its record, the table itself, and the column that shows pictures."""

    embedded: EmbeddedTable
    source: Table
    cell_column: str


@dataclass(frozen=True)
class Registry:
    """The embedded tables of a database.

    ``tables`` by folded name; ``owners``, the name of the embedded table that each ``_revimg_``
    table, and each view of ours, belongs to; ``computed``, the names of all tables that start with
    the prefix and of our views, whether they belong to one or not; ``lost``, the names of embedded
    tables that there aren't any more, because they were dropped or have another name now.
    ``newer`` is why nothing is known of what a later version of this program has embedded; empty
    where it is known.
    """

    tables: Mapping[str, KnownTable] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    newer: str = ""

    def table(self, name: str) -> KnownTable | None:
        """Return an embedded table that still exists."""
        return self.tables.get(fold_name(name))

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all embedded tables, also of those that are lost."""
        return tuple(dict.fromkeys(self.owners.values()))


class CurrentRegistry:
    """The registry of one database, at most FRESH_SECONDS old."""

    def __init__(self) -> None:
        self._read_at = -FRESH_SECONDS
        self._version = -1
        self._registry = Registry()

    async def get(self, db: Database, *, current: bool = False) -> Registry:
        """Return the registry of ``db``; with ``current`` it has every table that there is now."""
        now = time.monotonic()
        if now - self._read_at < FRESH_SECONDS and (
            not current or await db.execute_fn(_version) == self._version
        ):
            return self._registry
        version, registry = await db.execute_fn(lambda conn: (_version(conn), _read(conn, db.name)))
        self._read_at, self._version, self._registry = now, version, registry
        return registry


def _version(conn: sqlite3.Connection) -> int:
    """Return the number that SQLite changes with the schema, -1 if the database can't be read."""
    try:
        return schema.version(conn)
    except sqlite3.Error:
        return -1


def _read(conn: sqlite3.Connection, database: str) -> Registry:
    """Read the registry, an empty one if the database can't be read.

    The database's own pages say so, others must go on.
    """
    try:
        computed = [name for name in schema.table_names(conn) if schema.is_own(name)]
        computed += duplicates_view.names(conn)
    except sqlite3.Error:
        return Registry()
    try:
        version.check(conn, f"the database {database}")
        entries = registry.embedded_tables(conn)
    except NewerVersionError as error:
        return Registry(computed=tuple(computed), newer=str(error))
    except sqlite3.Error:
        # A table of somebody else's that has the name of ours.
        entries = []
    known: dict[str, KnownTable] = {}
    owners: dict[str, str] = {}
    lost: list[str] = []
    existing = set(map(fold_name, computed))
    for embedded in entries:
        recorded = embedded.table_name
        source = _find(conn, recorded)
        # Permissions go by the name that the table has now, letter by letter.
        name = source.name if source else recorded
        owners.update((fold_name(own), name) for own in own_tables.names(recorded))
        if (view := fold_name(duplicates_view.name_of(recorded))) in existing:
            owners[view] = name
        if source is None:
            lost.append(name)
        elif fold_name(own_tables.vectors_table(recorded)) in existing:
            # Otherwise somebody has dropped them: the next run makes them anew.
            cell_column = _cell_column(conn, embedded.column_name, source)
            known[fold_name(recorded)] = KnownTable(embedded, source, cell_column)
    return Registry(known, owners, tuple(computed), tuple(lost))


def _find(conn: sqlite3.Connection, table: str) -> Table | None:
    try:
        return tables.find(conn, table)
    except RevimgError:
        return None


def _cell_column(conn: sqlite3.Connection, pictures: str, source: Table) -> str:
    """Return the column of the pictures, or a neighbour where that is the table's only key.

    ``path`` is such a key in a table of files, which Datasette itself shows as the link to the row.
    """
    if [fold_name(name) for name, _ in source.keys] != [fold_name(pictures)]:
        return pictures
    references = schema.foreign_keys(conn, source.name)
    # Their cells are Datasette's own business too, they link to other rows.
    taken = {fold_name(pictures), *(fold_name(name) for name, _ in references)}
    return next((name for name in source.columns if fold_name(name) not in taken), pictures)
