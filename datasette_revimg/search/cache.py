"""Codes, or all vectors of a small table, in memory: read once, brought up to date by revisions.

An index is the view that one connection had at one revision. A connection that sees another
revision reads the changes since, so an answer is never staler than the connection's own view of
the database, no matter which program has written to it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass

from ..errors import CodesError
from ..store import code_tables, registry
from ..store.code_tables import CodesState
from ..store.tables import Table
from ..vectors import codes
from . import loading
from .index import Index

# Codes of two million rows of 4096-float vectors.
LIMIT_BYTES = 2 << 30

# Searches whose times are kept, per table.
TIMES = 20

# Instead of a revision, which is never negative: the codes are of another version.
_OTHER = -1

logger = logging.getLogger("datasette_revimg")


@dataclass(frozen=True)
class Timed:
    """A search that was done.

    ``ms`` is its duration in milliseconds, ``way`` how it was done, and ``compared`` the number of
    vectors that it compared. When it was done is nobody's business.
    """

    ms: float
    way: str
    compared: int


class Budget:
    """The memory that all caches of a process may hold together, in bytes.

    The least recently used index goes first.
    """

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.limit = limit
        self._caches: weakref.WeakSet[Cache] = weakref.WeakSet()
        self._lock = threading.Lock()

    def join(self, cache: Cache) -> None:
        """Count a cache, as long as it exists."""
        with self._lock:
            self._caches.add(cache)

    @property
    def held(self) -> int:
        """The bytes held in memory now."""
        with self._lock:
            return sum(slot.bytes for cache in self._caches for slot in cache.slots())

    def shrink(self, keep: Slot) -> None:
        """Let indexes go, except that of ``keep``, until the rest fits."""
        with self._lock:
            slots = [slot for cache in self._caches for slot in cache.slots() if slot.bytes]
            held = sum(slot.bytes for slot in slots)
            for slot in sorted(slots, key=lambda slot: slot.used):
                if held > self.limit and slot is not keep:
                    held -= slot.bytes
                    slot.index = None


PROCESS = Budget()


class Slot:
    """A table's place in a cache: its index, if it is in memory, and its latest searches.

    ``used`` is when the index was last asked for, of a monotonic clock; ``refused`` is the
    revision whose codes can't be used, or _OTHER.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.index: Index | None = None
        self.used = 0.0
        self.refused = 0
        self.times: deque[Timed] = deque(maxlen=TIMES)

    @property
    def bytes(self) -> int:
        """The memory that the index takes."""
        index = self.index
        return index.bytes if index else 0


class Cache:
    """The indexes of one database's tables; safe to use from several threads."""

    def __init__(self, budget: Budget = PROCESS) -> None:
        self._budget = budget
        self._slots: dict[str, Slot] = {}
        self._lock = threading.Lock()
        budget.join(self)

    def slots(self) -> list[Slot]:
        """Return the places of all tables that were searched."""
        with self._lock:
            return list(self._slots.values())

    def slot(self, table: str) -> Slot:
        """Return a table's place, by the table's real name."""
        with self._lock:
            return self._slots.setdefault(table, Slot())

    def index(self, conn: sqlite3.Connection, source: Table) -> Index | None:
        """Return an index of a table as this connection sees it.

        None when its vectors have to be read one by one: there are no codes, or they are damaged,
        or don't fit into memory.
        """
        state = code_tables.read_state(conn, source.name)
        slot = self.slot(source.name)
        if state is None:
            if code_tables.is_unreadable(conn, source.name) and slot.refused != _OTHER:
                slot.refused = _OTHER
                _warn(source, "they are of another version")
            return None
        if slot.refused == state.revision:
            return None
        slot.used = time.monotonic()
        index = slot.index
        if index is None or index.state.revision != state.revision:
            with slot.lock:
                index = slot.index
                if index is None or index.state.revision != state.revision:
                    index = slot.index = self._read(conn, source, state, slot)
        # Every time, because an index grows with the filters that it is asked for.
        self._budget.shrink(keep=slot)
        return index

    def _read(
        self, conn: sqlite3.Connection, source: Table, state: CodesState, slot: Slot
    ) -> Index | None:
        embedded = registry.embedded(conn, source.name)
        if embedded is None:
            return None
        most = self._budget.limit
        if state.generation is None:
            most = min(most, codes.WHOLE_BYTES)
        if loading.expected_bytes(state, embedded.dimension) > most:
            return None
        try:
            if state.generation is None:
                return loading.read_vectors(conn, source, state, embedded)
            index = loading.updated(conn, source, state, slot.index)
            if index is None:
                index = loading.read_codes(conn, source, state, embedded)
            return index
        except CodesError as error:
            slot.refused = state.revision
            _warn(source, str(error))
            return None


def _warn(source: Table, reason: str) -> None:
    logger.warning(
        "The codes of %s can't be used (%s); searches are slow until `datasette revimg embed` "
        "makes new ones",
        source.name,
        reason,
    )
