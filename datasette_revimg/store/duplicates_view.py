"""The view ``TABLE_duplicates``: the groups of duplicates beside the user's own columns.

It is made only when somebody asks for it, because its name is not one of ours. A comment in its SQL
says that it is one of our views, so that no other is ever replaced or dropped, and so that
Datasette lets nobody see it who may not see the table.
"""

from __future__ import annotations

import sqlite3

from ..errors import RevimgError
from .connection import transaction
from .own_tables import duplicates_table, vectors_table
from .schema import is_own
from .sql import fold_name, quote
from .tables import Table

# In the SQL of every such view, where SQLite keeps it even when it renames what the view reads.
MARK = "/* made by datasette revimg duplicates --view */"

# Before the user's own columns.
_COLUMNS = ("group", "best", "score", "tier", "reasons")


def name_of(table: str) -> str:
    """Return the name of the view for a table."""
    return f"{table}_duplicates"


def check(conn: sqlite3.Connection, source: Table) -> None:
    """Raise RevimgError when the view can't have its name, because something else has it."""
    name = name_of(source.name)
    if is_own(name):
        raise RevimgError(
            f"{source.name!r} can't have a view of its duplicates: {name!r} is a name of our own "
            "tables: rename the table, or leave out --view"
        )
    row = conn.execute(
        "select type, sql from sqlite_master where name = ? collate nocase", [name]
    ).fetchone()
    if row and not _is_ours(*row):
        raise RevimgError(
            f"the view of the duplicates of {source.name!r} would be called {name!r}, which is the "
            f"name of {_article(row[0])}: rename that, or leave out --view"
        )


def create(conn: sqlite3.Connection, source: Table, picture_column: str) -> None:
    """Create the view, in place of an older one. RevimgError as ``check``.

    BLOBs are left out: NULL, or in a key their hexadecimal digits, and of pictures the column.
    They are large, and Datasette can't show a view that has any.
    """
    table, groups = quote(source.name), quote(duplicates_table(source.name))
    vectors = quote(vectors_table(source.name))
    ours = [f"{groups}.{quote(name)} as {quote(_free(name, source))}" for name in _COLUMNS]
    if not source.keys:
        ours.append(f"{table}.rowid as {quote(_free('rowid', source))}")
    theirs = [
        f"iif(typeof({table}.{quote(name)}) = 'blob', "
        f"{f'hex({table}.{quote(name)})' if name in source.key_columns else 'null'}, "
        f"{table}.{quote(name)}) as {quote(name)}"
        for name in source.columns
        if name in source.key_columns or name != picture_column
    ]
    pairs = list(zip(source.stored_columns, source.key_columns, strict=True))
    same_row = " and ".join(f"{table}.{quote(key)} = {groups}.{quote(own)}" for own, key in pairs)
    # A row that has got another picture since is no duplicate any more.
    same_picture = " and ".join(
        f"{vectors}.{quote(own)} = {groups}.{quote(own)}"
        for own in (*source.stored_columns, "content_hash")
    )
    with transaction(conn):
        check(conn, source)
        drop(conn, source.name)
        conn.execute(
            f"create view {quote(name_of(source.name))} as {MARK} "
            f"select {', '.join([*ours, *theirs])} from {groups} "
            f"join {table} on {same_row} join {vectors} on {same_picture} "
            f"where {source.present} "
            f'order by {groups}."group", {groups}.best desc, {groups}.score desc'
        )


def drop(conn: sqlite3.Connection, table: str) -> None:
    """Drop, within a transaction, the view for a table, if there is one and it is ours."""
    name = name_of(table)
    if fold_name(name) in map(fold_name, names(conn)):
        conn.execute(f"drop view {quote(name)}")


def names(conn: sqlite3.Connection) -> list[str]:
    """Return the names of all views that are ours."""
    rows = conn.execute("select name, type, sql from sqlite_master where type = 'view'")
    return [name for name, kind, sql in rows if _is_ours(kind, sql)]


def _is_ours(kind: str, sql: str | None) -> bool:
    return kind == "view" and MARK in (sql or "")


def _free(name: str, source: Table) -> str:
    """Return the name of a column of ours that is none of the user's, who keep theirs."""
    taken = set(map(fold_name, source.columns))
    while name in taken:
        name += "_"
    return name


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "index" else f"a {kind}"
