"""Columns of query results that hold keys of pictures.

Column names are all that Datasette reports about a result, so they decide; where they may mean
several tables, none is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasette.utils import detect_fts
from datasette.utils.asgi import Request
from datasette.utils.sqlite import sqlite3

from ..keys import Key
from ..store.schema import column_names, foreign_keys, is_own, table_names, virtual_table_names
from ..store.sql import fold_name
from ..store.tables import Table
from . import compat
from .compat import Actor, Database, Datasette
from .embedded import Registry

# By the names of a result's columns and the actor.
_Decided = dict[tuple[tuple[str, ...], str], dict[str, "Column"]]

# A column of this name and the table's holds keys of the table, whatever else is in the result.
ALIAS = "revimg_"


@dataclass(frozen=True)
class Column:
    """A column of a result that shows pictures.

    ``positions`` are those of the key's columns in the result; None where the column's own value
    is the whole key.
    """

    source: Table
    positions: tuple[int, ...] | None

    def key(self, row: Sequence[Any], value: Any) -> Key | None:
        """Return the key that the row has here; None for values that can't be one."""
        if self.positions is not None:
            key = tuple(row[position] for position in self.positions)
        elif len(self.source.key_columns) == 1:
            key = (value,)
        else:
            key = _listed(value)
        whole = len(key) == len(self.source.key_columns)
        return key if whole and all(type(part) in (int, str) for part in key) else None


def _listed(value: Any) -> Key:
    """Return a compound key, from the text that SQLite's json_array writes."""
    try:
        parts = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return ()
    return tuple(parts) if isinstance(parts, list) else ()


@dataclass(frozen=True)
class Schema:
    """The tables that the columns of a result may belong to, all in lower case.

    ``columns`` of each of the user's tables, ``references`` to other tables as (column, table),
    and ``indexes``, the full-text index of each embedded table.
    """

    columns: Mapping[str, frozenset[str]]
    references: Mapping[str, frozenset[tuple[str, str]]]
    indexes: Mapping[str, str | None]


class ResultColumns:
    """The columns of the results of one database's queries, decided once for each registry."""

    def __init__(self) -> None:
        self._kept: tuple[Registry, Schema, _Decided] | None = None

    async def get(
        self,
        datasette: Datasette,
        db: Database,
        known: Registry,
        names: tuple[str, ...],
        request: Request | None,
    ) -> dict[str, Column]:
        """Return the columns of a result that show pictures, by folded name.

        They hold keys of tables that the actor may view.
        """
        if not known.tables:
            return {}
        kept = self._kept
        if kept is None or kept[0] is not known:
            schema = await db.execute_fn(lambda conn: read_schema(conn, known))
            kept = self._kept = (known, schema, {})
        _, schema, decided = kept
        actor: Actor = request.actor if request else None
        question = names, repr(actor)
        if question not in decided:
            shown = {}
            for name, column in decide(names, known, schema).items():
                visible, _ = await compat.visibility(datasette, actor, db.name, column.source.name)
                if visible:
                    shown[name] = column
            decided[question] = shown
        return decided[question]


def decide(names: Sequence[str], known: Registry, schema: Schema) -> dict[str, Column]:
    """Return the columns of a result that show pictures, by folded name.

    Those called ``revimg_TABLE``. If there are none, the key of the embedded table that has more
    of the result's columns than any other table that its key might be of.
    """
    lower = [fold_name(name) for name in names]
    aliased = {
        name: Column(table.source, None)
        for name in lower
        if name.startswith(ALIAS) and (table := known.table(name.removeprefix(ALIAS)))
    }
    if aliased:
        return aliased
    matches = [
        source
        for source in (table.source for table in known.tables.values())
        if set(_key(source)) <= set(lower) and _best(source, set(lower), schema)
    ]
    if len(matches) != 1:
        return {}
    (source,) = matches
    key = _key(source)
    if len(key) == 1:
        # Each with its own value: two columns of one name are two rows of the table.
        return {key[0]: Column(source, None)}
    if any(lower.count(name) > 1 for name in key):
        return {}
    positions = tuple(lower.index(name) for name in key)
    return {lower[min(positions)]: Column(source, positions)}


def _best(source: Table, names: set[str], schema: Schema) -> bool:
    own = fold_name(source.name)
    key = set(_key(source))
    shared = len(names & (schema.columns.get(own, frozenset()) | key))
    for other, columns in schema.columns.items():
        # A foreign key's values are keys of the source too, and so are its search index's.
        refers = {(name, own) for name in key} <= schema.references[other]
        if other == own or other == schema.indexes.get(own) or refers:
            continue
        # Every table may have a rowid.
        columns = columns | {"rowid"}
        if key <= columns and len(names & columns) >= shared:
            return False
    return True


def _key(source: Table) -> tuple[str, ...]:
    return tuple(fold_name(name) for name in source.key_columns)


def read_schema(conn: sqlite3.Connection, known: Registry) -> Schema:
    """Read the parts of a database's schema that ``decide`` needs."""
    virtual = tuple(fold_name(name) + "_" for name in virtual_table_names(conn))
    columns: dict[str, frozenset[str]] = {}
    references: dict[str, frozenset[tuple[str, str]]] = {}
    for name in table_names(conn):
        # Ours have the source's own keys; nobody queries the tables behind a virtual table.
        if is_own(name) or fold_name(name).startswith(("sqlite_", *virtual)):
            continue
        try:
            names = column_names(conn, name)
        except sqlite3.Error:
            # A virtual table whose module is missing: nobody can query that either.
            continue
        columns[fold_name(name)] = frozenset(map(fold_name, names))
        references[fold_name(name)] = frozenset(
            (fold_name(column), fold_name(other)) for column, other in foreign_keys(conn, name)
        )
    indexes = {name: detect_fts(conn, table.source.name) for name, table in known.tables.items()}
    return Schema(
        columns, references, {name: fts and fold_name(fts) for name, fts in indexes.items()}
    )
