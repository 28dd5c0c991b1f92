"""Long computations off the event loop and out of Datasette's SQL threads, and their results kept
for the next who asks."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from ...store.sql import fold_name
from ..problems import Problem

Result = TypeVar("Result")

# More than so many at a time are refused: each is for a question that somebody has asked.
MOST_WAITING = 16


class Kept(Generic[Result]):
    """The last few results of one kind of computation, made one at a time.

    Keys must say all that a result depends on: nothing is ever recomputed under its key.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._futures: OrderedDict[Hashable, Future[Result]] = OrderedDict()
        self._work: queue.SimpleQueue[tuple[Future[Result], Callable[[], Result]]]
        self._work = queue.SimpleQueue()
        self._worker: threading.Thread | None = None

    def ready(self, key: Hashable) -> Result | None:
        """The result, None while there is none."""
        future = self._futures.get(key)
        if future is None or not future.done() or future.exception():
            return None
        return future.result()

    def has(self, key: Hashable) -> bool:
        """Whether there is a result, or may be one yet."""
        return key in self._futures and not self.failed(key)

    def failed(self, key: Hashable) -> bool:
        """Whether there was an error instead of a result."""
        future = self._futures.get(key)
        return future is not None and future.done() and future.exception() is not None

    async def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The result, computed unless it is kept."""
        # Shielded: others may wait for it as well when this one leaves.
        return await asyncio.shield(asyncio.wrap_future(self.start(key, compute)))

    def start(self, key: Hashable, compute: Callable[[], Result]) -> Future[Result]:
        """Have the result computed unless it is kept. Problem 503 when too many wait already."""
        if self.has(key):
            self._futures.move_to_end(key)
            return self._futures[key]
        if sum(not other.done() for other in self._futures.values()) >= MOST_WAITING:
            raise Problem(503, "there is too much to compute at the moment, try again later")
        future: Future[Result] = Future()
        self._futures[key] = future
        for old in [name for name, other in self._futures.items() if other.done()]:
            if len(self._futures) <= self._most:
                break
            del self._futures[old]
        self._work.put((future, compute))
        if self._worker is None:
            # A daemon: nobody who stops the server waits for what nobody will see.
            self._worker = threading.Thread(target=self._run, daemon=True)
            self._worker.start()
        return future

    def _run(self) -> None:
        while True:
            future, compute = self._work.get()
            try:
                future.set_result(compute())
            except BaseException as error:
                future.set_exception(error)
            # Not until the next one comes: what it holds may be large.
            del future, compute


def place_key(db: Any, table: str, version: str, *more: Hashable) -> Hashable:
    """A key of a result that depends on rows of a table."""
    return (id(db), db.path, fold_name(table), version, *more)
