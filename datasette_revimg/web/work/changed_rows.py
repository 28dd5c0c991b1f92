"""Rows that were added or changed through Datasette 1.0 are embedded, in the background.

A thread reads and decodes; the network runs in the queue of image searches, whose clients take
turns with it, and Datasette's own connection writes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...embedding.refresh import Changes, refresh
from ...errors import RevimgError
from ...models.network import Batch
from ...store import connection, registry, version
from ...store import whitening as stored_whitening
from ...store.own_tables import labels_table
from ...store.schema import exists
from ...store.sql import fold_name
from ...vectors.whitening import is_whitened
from .. import settings
from ..compat import Database, Datasette
from ..problems import BusyError
from . import inference
from .pending import Place
from .queue import RETRY_SECONDS, Queue
from .state import State, state_of

# Pictures per run of the network, and per transaction: a fifth of a second on a small machine, for
# which a visitor's search waits.
BATCH_SIZE = 4

# After which to try again when another program has locked the database.
LOCKED_SECONDS = 10.0

# How often to look whether the loop that a write waits for has ended.
_LOOK_SECONDS = 1.0

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


async def follow(datasette: Datasette, event: Any) -> None:
    """Have the rows embedded that an event of Datasette 1.0 is about, if their table is.

    Only BLOBs: a path that somebody writes into a row must not make the server read a file.
    """
    changes = _changes(event)
    if changes is None:
        return
    db = datasette.get_database(event.database)
    known = (await state_of(datasette).registry(db, current=True)).table(event.table)
    if known is None or known.embedded.kind != "blob" or not db.path:
        return
    if settings.for_table(datasette, db.name, known.source.name).embed_changes:
        _ask(datasette, db, known.source.name, changes)


def is_pending(datasette: Datasette, database: str, table: str) -> bool:
    """Return whether changed rows of a table are about to be embedded."""
    return _place(database, table) in state_of(datasette).changed


def _changes(event: Any) -> Changes | None:
    """Return what an event has changed, None for one that isn't about rows.

    Datasette doesn't say which rows were inserted, nor which of the upserted ones are new.
    """
    match event.name:
        case "insert-rows":
            return Changes(every=True) if event.replace else Changes(new=True)
        case "upsert-rows":
            return Changes(every=True)
        case "update-row" | "delete-row":
            return Changes(keys=frozenset([tuple(event.pks)]))
    return None


def _place(database: str, table: str) -> Place:
    return database, fold_name(table)


def _ask(datasette: Datasette, db: Database, table: str, changes: Changes) -> None:
    state, place = state_of(datasette), _place(db.name, table)
    if not state.changed.ask(place, changes):
        return
    loop = asyncio.get_running_loop()
    try:
        state.embedding.submit(lambda: _work(datasette, db, place, loop))
    except BusyError:
        # The server ends; the next run of ``embed`` finds what is new.
        state.changed.give_up(place)


def _work(datasette: Datasette, db: Database, place: Place, loop: AbstractEventLoop) -> None:
    """Embed whatever is asked for in a table, until nothing is."""
    state = state_of(datasette)
    try:
        while changes := state.changed.take(place):
            try:
                _embed(datasette, db, place[1], changes, loop)
                state.changed.is_news(place, "")
            except BusyError:
                raise
            except (RevimgError, sqlite3.Error) as error:
                _report(state, place, str(error))
                if _is_locked(error):
                    state.changed.ask(place, changes)
                    state.embedding.pause(LOCKED_SECONDS)
            except Exception:
                _log.exception("changed rows can't be embedded")
    except BusyError:
        # The server ends.
        state.changed.give_up(place)


def _report(state: State, place: Place, reason: str) -> None:
    if state.changed.is_news(place, reason):
        sentence = f"{place[0]}: changed rows of {place[1]} can't be embedded: {reason}"
        _log.warning("%s", "".join(each if each.isprintable() else " " for each in sentence))


def _is_locked(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _embed(
    datasette: Datasette, db: Database, table: str, changes: Changes, loop: AbstractEventLoop
) -> None:
    """Embed what has changed in a table.

    Raises BusyError when the server ends, RevimgError or sqlite3.Error when the table can't be
    embedded.
    """
    state = state_of(datasette)
    path = Path(db.path or "")
    with closing(connection.connect(path)) as conn:
        conn.execute("pragma query_only = 1")
        version.check(conn, f"the database {db.name}")
        embedded = registry.require_embedded(conn, table)
        if embedded.kind != "blob":
            return
        whitening = stored_whitening.read(conn, embedded) if is_whitened(embedded.model) else None
        chosen = settings.for_table(datasette, db.name, embedded.table_name)
        network = _in_turn(
            state.inference, lambda: inference.table_network(embedded, chosen, whitening)
        )
        labels = network.has_classes and exists(conn, labels_table(embedded.table_name))
        if labels:
            network = network.with_classes()

        def encode(pictures: np.ndarray) -> Batch:
            return _in_turn(state.inference, partial(network.encode, pictures))

        refresh(
            conn,
            lambda work: _write(db, work, loop),
            path,
            embedded,
            changes,
            encode,
            decode=state.row_decoder.decode,
            size=network.size,
            labels=labels,
            batch_size=BATCH_SIZE,
            on_done=lambda failure: state.embedding.check_open(),
        )


def _in_turn(queue: Queue, work: Callable[[], Result]) -> Result:
    """Return the result of ``work`` in a queue, in which it waits for a place as long as it takes.

    Raises BusyError when the queue is stopped.
    """
    while True:
        try:
            return queue.submit(work).result()
        except BusyError:
            queue.pause(RETRY_SECONDS)


def _write(
    db: Database, work: Callable[[sqlite3.Connection], None], loop: AbstractEventLoop
) -> None:
    """Have Datasette's own connection do work that has transactions of its own.

    Raises BusyError when the event loop has ended.
    """
    writing = db.execute_write_fn(work, transaction=False)
    try:
        done = asyncio.run_coroutine_threadsafe(writing, loop)
    except RuntimeError:
        writing.close()
        raise _ended() from None
    while True:
        try:
            return done.result(_LOOK_SECONDS)
        except TimeoutError:
            if not loop.is_running():
                raise _ended() from None


def _ended() -> BusyError:
    return BusyError("the server has ended")
