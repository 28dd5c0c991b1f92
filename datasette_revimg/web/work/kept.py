"""Results of long computations, each computed once and kept for a while."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from ...store.sql import fold_name
from ..compat import Database
from .queue import Queue

Result = TypeVar("Result")


class Kept(Generic[Result]):
    """The latest results of one kind of computation; each is computed once.

    A key must say everything that its result depends on: nothing is ever recomputed under its
    key. There are at most ``most`` results, of ``most_bytes`` in all by ``size_of``, which gives
    a result's bytes; the least recently used one goes first.
    """

    def __init__(
        self,
        queue: Queue,
        most: int,
        most_bytes: int | None = None,
        size_of: Callable[[Result], int] = lambda _: 0,
    ) -> None:
        self.queue = queue
        self._most, self._most_bytes, self._size_of = most, most_bytes, size_of
        self._futures: OrderedDict[Hashable, Future[Result]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._futures)

    def ready(self, key: Hashable) -> Result | None:
        """Return the result, or None while there is none."""
        future = self._futures.get(key)
        return future.result() if future and _succeeded(future) else None

    def has(self, key: Hashable) -> bool:
        """Return whether there is a result, or may be one yet."""
        return key in self._futures and not self.failed(key)

    def failed(self, key: Hashable) -> bool:
        """Return whether there was an error instead of a result."""
        future = self._futures.get(key)
        return future is not None and _failed(future)

    async def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """Return the result, computed unless it is kept. Raises BusyError as ``start``."""
        # Shielded: others may wait for it as well when this one leaves.
        return await asyncio.shield(asyncio.wrap_future(self.start(key, compute)))

    def start(self, key: Hashable, compute: Callable[[], Result]) -> Future[Result]:
        """Have the result computed unless it is kept. Raises BusyError when the queue is full."""
        with self._lock:
            future = self._futures.get(key)
            if future is None or _failed(future):
                future = self._futures[key] = self.queue.submit(compute)
            self._futures.move_to_end(key)
        future.add_done_callback(self._shrink)
        return future

    def _shrink(self, _: Future[Result]) -> None:
        with self._lock:
            sizes = {key: self._size(future) for key, future in self._futures.items()}
            *older, _newest = list(sizes)
            for key in older:
                few = len(self._futures) <= self._most
                small = self._most_bytes is None or sum(sizes.values()) <= self._most_bytes
                if few and small:
                    break
                if self._futures[key].done():
                    del self._futures[key], sizes[key]

    def _size(self, future: Future[Result]) -> int:
        return self._size_of(future.result()) if _succeeded(future) else 0


def table_key(db: Database, table: str, version: str, *more: Hashable) -> Hashable:
    """Return the key of a result that depends on rows of a table, as of a ``version`` of them."""
    return (weakref.ref(db), fold_name(table), version, *more)


def _failed(future: Future[Any]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def _succeeded(future: Future[Any]) -> bool:
    return future.done() and not _failed(future)
