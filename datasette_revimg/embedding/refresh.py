"""Embed rows of an embedded table that were added or changed, without looking at all others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RowNotFoundError
from ..keys import Key, key_json
from ..models.batches import Encode
from ..pictures.pool import Decode
from ..pictures.sizing import Size
from ..store import (
    failed_rows,
    gone_rows,
    migrations,
    picture_column,
    predictions,
    removal,
    tables,
)
from ..store.equal_pictures import open_finder
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..store.writing import Failure
from . import columns, pipeline
from .base import base_folder
from .counts import Counts
from .jobs import PAGE, Job
from .pipeline import Write
from .request import BATCH_SIZE


@dataclass(frozen=True)
class Changes:
    """The rows of a table that may have changed.

    ``keys`` are those of rows that have changed or are gone, as texts or as the rows have them.
    ``new`` adds all rows that have neither a vector nor failed, and ``every`` all rows, whose
    pictures are compared with the ones that were embedded.
    """

    keys: frozenset[Key] = field(default=frozenset())
    new: bool = False
    every: bool = False

    def __or__(self, other: Changes) -> Changes:
        """Return both."""
        return Changes(self.keys | other.keys, self.new or other.new, self.every or other.every)


def refresh(
    conn: sqlite3.Connection,
    write: Write,
    database: Path,
    embedded: EmbeddedTable,
    changes: Changes,
    encode: Encode,
    *,
    decode: Decode,
    size: Size,
    labels: bool = False,
    batch_size: int = BATCH_SIZE,
    on_done: Callable[[Failure | None], None] = lambda failure: None,
) -> Counts:
    """Embed what has changed in an embedded table, and return how many pictures that were.

    ``conn`` reads from the file ``database``, and ``write`` does what writes. For ``encode``,
    ``decode``, ``size`` and ``on_done`` see ``pipeline.run``. What is stored for rows that are
    gone, or have no picture now, is deleted. Raises RevimgError or sqlite3.Error when it can't go
    on; finished batches are kept.
    """
    write(migrations.migrate)
    source = tables.find(conn, embedded.table_name)
    if changes.every:
        write(lambda conn: _remove_missing(conn, source, embedded.column_name))
    elif changes.keys:
        write(lambda conn: gone_rows.forget(conn, source, embedded.column_name, changes.keys))
    counts = Counts()
    with open_finder(database, source, labels=labels, files=False) as find:
        pipeline.run(
            write,
            source,
            embedded,
            _jobs(conn, source, embedded, base_folder(database, embedded), changes, labels),
            encode,
            counts,
            decode=decode,
            size=size,
            batch_size=batch_size,
            find=find,
            on_done=on_done,
        )
    if counts.embedded:
        write(lambda conn: _suggest_labels(conn, source, embedded))
    return counts


def _remove_missing(conn: sqlite3.Connection, source: Table, column: str) -> None:
    removal.remove_missing(conn, source, column)


def _suggest_labels(conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable) -> None:
    predictions.update(conn, source, embedded)


def _jobs(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    base: Path,
    changes: Changes,
    labels: bool,
) -> Iterator[Job]:
    if changes.every:
        yield from columns.column_jobs(conn, source, embedded, base, labels)
        return
    changed = list(_present(conn, source, changes.keys))
    yield from columns.row_jobs(conn, source, embedded, base, changed, labels)
    if changes.new:
        failed = {pk for pk, _ in failed_rows.read(conn, source.name)}
        after: Key | None = None
        while page := picture_column.next_new_keys(conn, source, embedded.column_name, after, PAGE):
            new = [key for key in page if key_json(key) not in failed and key not in changed]
            yield from columns.row_jobs(conn, source, embedded, base, new, labels)
            after = page[-1]


def _present(conn: sqlite3.Connection, source: Table, keys: Collection[Key]) -> Iterator[Key]:
    """Yield the keys of the rows that are there, as they have them."""
    for key in keys:
        try:
            yield tables.resolve_key(conn, source, key)
        except RowNotFoundError:
            continue
