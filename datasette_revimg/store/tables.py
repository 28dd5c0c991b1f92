"""The user's own tables: their keys and their rows. Nothing here writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RevimgError, RowNotFoundError
from ..keys import Key
from . import schema
from .sql import PREFIX, equalities, quote, quote_all

# In a table made from files: when a run first found that the row's file was gone.
MISSING = "missing"


@dataclass(frozen=True)
class Table:
    """A table of the user's: its real name, its columns and its key.

    ``keys`` are the columns of the primary key, (column, declared type); none without a key.
    """

    name: str
    columns: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row, ``rowid`` in a table without a primary key."""
        return tuple(name for name, _ in self.keys) or ("rowid",)

    @property
    def stored_keys(self) -> tuple[tuple[str, str], ...]:
        """These columns as the ``_revimg_`` tables have them: (column, declared type)."""
        return self.keys or (("rowid_", "INTEGER"),)

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The names of these columns in the ``_revimg_`` tables."""
        return tuple(name for name, _ in self.stored_keys)

    @property
    def present(self) -> str:
        """SQL that is true of the rows whose file is there, which is every row of most tables.

        A time marks a row as missing; a column of this name that means something else to the
        user has no times in it.
        """
        if self.key_columns != ("path",) or MISSING not in self.columns:
            return "1"
        column = f"{quote(self.name)}.{quote(MISSING)}"
        return f"({column} is null or {column} not glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-*T*')"


def find(conn: sqlite3.Connection, table: str) -> Table:
    """Look up a table of the user's. RevimgError for a view, or a name that isn't there."""
    row = conn.execute(
        "select name, type from sqlite_master where type in ('table', 'view') "
        "and name = ? collate nocase",
        [table],
    ).fetchone()
    if row is None:
        raise RevimgError(f"there is no table {table!r} in the database{_known_tables(conn)}")
    name, kind = row
    if kind == "view":
        raise RevimgError(
            f"{name!r} is a view, and only tables can be embedded: use the name of its table"
        )
    if name.startswith(PREFIX):
        raise RevimgError(
            f"{name!r} contains what was computed for another table: use that table's name"
        )
    info = conn.execute("select name, type, pk from pragma_table_info(?)", [name]).fetchall()
    keys = sorted((pk, column, declared) for column, declared, pk in info if pk)
    return Table(
        name,
        tuple(column for column, _, _ in info),
        tuple((column, declared) for _, column, declared in keys),
    )


def _known_tables(conn: sqlite3.Connection) -> str:
    # What full-text indexes keep is in tables of their own, named after them.
    shadows = [f"{name}_" for name in schema.virtual_table_names(conn)]
    hidden = (PREFIX, "sqlite_", *shadows)
    names = [name for name in schema.table_names(conn) if not name.startswith(hidden)]
    return f"; it has {', '.join(names[:10])}" if names else ", which has no tables"


def resolve_key(conn: sqlite3.Connection, source: Table, key: Sequence[Any]) -> Key:
    """Return a key as its row has it, 7 for "7". RowNotFoundError when there is no such row."""
    row: Key | None = None
    if len(key) == len(source.key_columns):
        condition, parameters = key_condition(source, key)
        cursor = conn.execute(_select_keys(source, condition), parameters)
        cursor.row_factory = None
        row = cursor.fetchone()
    if row is None:
        raise RowNotFoundError(f"there is no row {', '.join(map(str, key))} in {source.name}")
    return row


def rows(conn: sqlite3.Connection, source: Table, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Return the source's rows with these keys, in their order, without BLOBs.

    A row that is gone has its key alone.
    """
    names = [name for name in source.columns if name not in source.key_columns]
    # SQLite knows a value's type without reading it, and pictures are large.
    light = [f"iif(typeof({quote(name)}) = 'blob', x'', {quote(name)})" for name in names]
    columns = ", ".join([*map(quote, source.key_columns), *light])
    query = f"select {columns} from {quote(source.name)} where {equalities(source.key_columns)}"
    read = []
    for key in keys:
        cursor = conn.execute(query, key)
        cursor.row_factory = None
        values = cursor.fetchone() or key
        read.append(
            {
                name: value
                for name, value in zip((*source.key_columns, *names), values, strict=False)
                if not isinstance(value, bytes)
            }
        )
    return read


def live_keys(
    conn: sqlite3.Connection,
    source: Table,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[Key]:
    """Return the keys of the source's rows that meet a condition, with or without vectors."""
    cursor = conn.execute(_select_keys(source, where), parameters)
    cursor.row_factory = None
    return cursor.fetchall()


def key_subquery(source: Table, where: str = "", *, missing: bool = False) -> str:
    """Return SQL to put after ``in``: the keys of the rows that meet a condition.

    Rows whose file is gone are left out, unless ``missing`` asks for them too.
    """
    return f"({_select_keys(source, where, missing)})"


def _select_keys(source: Table, where: str, missing: bool = False) -> str:
    conditions = [f"(\n{where}\n)"] if where else []
    if not missing and source.present != "1":
        conditions.append(source.present)
    condition = f" where {' and '.join(conditions)}" if conditions else ""
    return f"select {quote_all(source.key_columns)} from {quote(source.name)}{condition}"


def key_condition(source: Table, key: Sequence[Any]) -> tuple[str, Key]:
    """Return a condition that one row meets, with its parameters.

    RevimgError when the key has another number of values than the table's.
    """
    columns = source.key_columns
    if len(columns) != len(key):
        raise RevimgError(
            f"a row of {source.name!r} is identified by {len(columns)} values "
            f"({', '.join(columns)}), not by {len(key)}"
        )
    return equalities(columns), tuple(key)
