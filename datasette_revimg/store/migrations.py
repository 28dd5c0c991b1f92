"""Bring the tables that an earlier version has made up to date, one step for each version.

Each step says in its own SQL what there was and what is to be, so that later changes to other
modules don't change it. It can be taken again: a database whose version is damaged begins with the
first one.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable

from . import version
from .connection import transaction
from .schema import column_names, exists
from .sql import quote


def migrate(conn: sqlite3.Connection) -> None:
    """Bring a database's tables up to date, in one transaction; does nothing if they are."""
    if exists(conn, "_revimg_tables") and version.stored(conn) < version.CURRENT:
        with transaction(conn):
            # Another run may have done it while this one waited for its turn.
            for step in STEPS[max(0, version.stored(conn)) :]:
                step(conn)
            version.write(conn)


def add_checksums(conn: sqlite3.Connection) -> None:
    """Turn codes without checksums into none, and let new ones have them.

    A checksum made now would vouch for codes that nothing has guarded so far. Until the run has
    made new ones, searches read the vectors.
    """
    names = conn.execute("select table_name from _revimg_tables where typeof(table_name) = 'text'")
    for (table,) in names.fetchall():
        basis, codes = f"_revimg_{table}_basis", f"_revimg_{table}_codes"
        for name in (basis, codes):
            if exists(conn, name) and "checksum" not in column_names(conn, name):
                conn.execute(f"alter table {quote(name)} add column checksum integer")
        if not exists(conn, basis):
            continue
        changed = conn.execute(
            f"update {quote(basis)} set version = 2, revision = ?, generation = null, coded = 0, "
            "width = 0, fitted = 0, residual = 0, added = 0, added_residual = 0 "
            "where number = 0 and version = 1",
            [1 + secrets.randbits(62)],
        ).rowcount
        if changed:
            conn.execute(f"delete from {quote(basis)} where number != 0")
            if exists(conn, codes):
                conn.execute(f"delete from {quote(codes)}")


# The step to version n is the n-th.
STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (add_checksums,)
