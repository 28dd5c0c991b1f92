"""Reads of a database, in Datasette's SQL threads and within the time that a search may take."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ...store import version
from ...store.connection import snapshot
from ..compat import Database, Datasette
from ..problems import SEARCH_SECONDS
from ..work.state import state_of

# SQLite's instructions from one look at the clock to the next.
_INSTRUCTIONS = 1000

Result = TypeVar("Result")


async def read(db: Database, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """Run ``work`` with a connection to the database, and return what it returns.

    It sees one state of the database. Raises NewerVersionError when that is one that a later
    version of this program has made, sqlite3.OperationalError (SQLITE_INTERRUPT) when the work
    takes more than SEARCH_SECONDS. If this is cancelled, the work ends soon.
    """
    cancelled = threading.Event()

    def limited(conn: sqlite3.Connection) -> Result:
        deadline = time.perf_counter() + SEARCH_SECONDS

        def late() -> bool:
            return cancelled.is_set() or time.perf_counter() >= deadline

        conn.set_progress_handler(late, _INSTRUCTIONS)
        try:
            with snapshot(conn):
                version.check(conn, f"the database {db.name}")
                return work(conn)
        finally:
            conn.set_progress_handler(None, _INSTRUCTIONS)

    try:
        return await db.execute_fn(limited)
    except asyncio.CancelledError:
        cancelled.set()
        raise


async def read_much(
    datasette: Datasette, db: Database, work: Callable[[sqlite3.Connection], Result]
) -> Result:
    """Do as ``read`` with work that may read every vector of a table.

    It waits while others do such work, so that an SQL thread is left for everything else; the
    clients who wait take turns.
    """
    async with state_of(datasette).long_reads.turn():
        return await read(db, work)
