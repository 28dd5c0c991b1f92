"""Results of long computations, each computed once and kept for a while.

All of this happens on the event loop; only the computations themselves run in threads.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...store.sql import fold_name
from ..compat import Database
from ..current import current_client
from ..problems import BusyError
from .queue import Queue
from .room import Room
from .turns import FairSemaphore

Result = TypeVar("Result")

# Failures that are remembered.
_MOST_FAILURES = 100


class _GaveWayError(BusyError):
    """It was refused for the sake of another client: the computation itself didn't fail."""


@dataclass(eq=False)
class _Entry(Generic[Result]):
    """A result, or its computation for this many who wait for it."""

    task: asyncio.Task[Result]
    waiting: int = 0


class Kept(Generic[Result]):
    """The latest results of one kind of computation; each is computed once.

    A key must say everything that its result depends on: nothing is ever recomputed under its
    key. A computation is called with the ``queue`` whose threads it is to use. One is made at a
    time; the others wait in ``room``, and hold nothing meanwhile but their key; the clients who
    asked for them take turns. It is given up when nobody waits for it any longer.

    There are at most ``most`` results, of ``most_bytes`` in all by ``size_of``, which gives
    a result's bytes; the least recently used one goes first.
    """

    def __init__(
        self,
        queue: Queue,
        room: Room,
        most: int,
        most_bytes: int | None = None,
        size_of: Callable[[Result], int] = lambda _: 0,
    ) -> None:
        self.queue = queue
        self._room, self._turns = room, FairSemaphore()
        self._most, self._most_bytes, self._size_of = most, most_bytes, size_of
        self._entries: OrderedDict[Hashable, _Entry[Result]] = OrderedDict()
        # Not the errors themselves, which would keep alive what the computation had in hand.
        self._failures: OrderedDict[Hashable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def ready(self, key: Hashable) -> Result | None:
        """Return the result, or None while there is none."""
        entry = self._entries.get(key)
        return entry.task.result() if entry and _succeeded(entry.task) else None

    def has(self, key: Hashable) -> bool:
        """Return whether there is a result, or may be one yet."""
        return key in self._entries

    def failed(self, key: Hashable) -> bool:
        """Return whether there was an error instead of a result."""
        return key in self._failures

    async def get(self, key: Hashable, compute: Callable[[Queue], Awaitable[Result]]) -> Result:
        """Return the result, computed unless it is kept. Raises BusyError when the room is full."""
        entry = self._entry(key, compute)
        entry.waiting += 1
        try:
            # Shielded: others may wait for it as well when this one leaves.
            return await asyncio.shield(entry.task)
        finally:
            self._leave(key, entry)

    def begin(
        self, key: Hashable, compute: Callable[[Queue], Awaitable[Result]], seconds: float
    ) -> None:
        """Have the result computed unless it is kept. Raises BusyError when the room is full.

        It is given up unless somebody asks for it again within so many seconds, each time.
        """
        entry = self._entry(key, compute)
        entry.waiting += 1
        timer = asyncio.get_running_loop().call_later(seconds, self._leave, key, entry)
        entry.task.add_done_callback(lambda _: timer.cancel())

    def _entry(
        self, key: Hashable, compute: Callable[[Queue], Awaitable[Result]]
    ) -> _Entry[Result]:
        entry = self._entries.get(key)
        if entry is None:
            self.queue.check_open()
            self._enter()
            task = asyncio.ensure_future(self._in_turn(compute))
            entry = self._entries[key] = _Entry(task)
            self._failures.pop(key, None)
            task.add_done_callback(lambda _: self._finish(key, entry))
        self._entries.move_to_end(key)
        return entry

    def _enter(self) -> None:
        """Take a place in the room, if need be that of a client who has several."""
        try:
            self._room.enter()
        except BusyError as error:
            if not self._turns.refuse_one(
                current_client(), _GaveWayError(str(error), error.retry_seconds)
            ):
                raise
            # The one refused leaves its place in a moment.
            self._room.succeed()

    async def _in_turn(self, compute: Callable[[Queue], Awaitable[Result]]) -> Result:
        async with self._turns.turn():
            # It may have been stopped meanwhile, and a computation begins with reading rows.
            self.queue.check_open()
            return await compute(self.queue)

    def _leave(self, key: Hashable, entry: _Entry[Result]) -> None:
        entry.waiting -= 1
        if not entry.waiting and not entry.task.done():
            entry.task.cancel()
            self._forget(key, entry)

    def _finish(self, key: Hashable, entry: _Entry[Result]) -> None:
        self._room.leave()
        if entry.task.cancelled():
            self._forget(key, entry)
        elif error := entry.task.exception():
            self._forget(key, entry)
            if not isinstance(error, _GaveWayError):
                self._failures[key] = None
            if len(self._failures) > _MOST_FAILURES:
                self._failures.popitem(last=False)
        self._shrink()

    def _forget(self, key: Hashable, entry: _Entry[Result]) -> None:
        if self._entries.get(key) is entry:
            del self._entries[key]

    def _shrink(self) -> None:
        sizes = {key: self._size(entry) for key, entry in self._entries.items()}
        for key in list(sizes)[:-1]:
            few = len(self._entries) <= self._most
            small = self._most_bytes is None or sum(sizes.values()) <= self._most_bytes
            if few and small:
                break
            if self._entries[key].task.done():
                del self._entries[key], sizes[key]

    def _size(self, entry: _Entry[Result]) -> int:
        return self._size_of(entry.task.result()) if _succeeded(entry.task) else 0


def _succeeded(task: asyncio.Task[Result]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def table_key(db: Database, table: str, version: str, *more: Hashable) -> Hashable:
    """Return the key of a result that depends on rows of a table, as of a ``version`` of them."""
    return (weakref.ref(db), fold_name(table), version, *more)
