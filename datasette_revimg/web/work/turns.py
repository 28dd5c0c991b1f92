"""Turns between clients: one who asks for a lot waits for that, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from ..current import current_client

Item = TypeVar("Item")

# A person or an address; all whose address isn't known are one.
Client = str | None


class Turns(Generic[Item]):
    """Items that wait, each a client's; the clients take turns with their oldest ones."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Client, deque[Item]] = OrderedDict()

    def add(self, client: Client, item: Item) -> None:
        """Let an item wait behind the others of its client."""
        self._waiting.setdefault(client, deque()).append(item)

    def next(self) -> Item | None:
        """Return the item whose turn it is, which waits no longer; None if there is none."""
        if not self._waiting:
            return None
        client, items = self._waiting.popitem(last=False)
        item = items.popleft()
        if items:
            self._waiting[client] = items
        return item

    def remove(self, client: Client, item: Item) -> None:
        """Let an item wait no longer, if it still does."""
        items = self._waiting.get(client, deque())
        if item in items:
            items.remove(item)
            if not items:
                del self._waiting[client]

    def give_way(self, client: Client) -> Item | None:
        """Return an item that waits no longer, so that one of ``client`` may wait in its place.

        It is the newest of whoever has most; None unless that one has at least two more than
        ``client``, who would otherwise have to give way next.
        """
        longest = self._longest(client)
        return longest.pop() if longest else None

    def would_give_way(self, client: Client) -> bool:
        """Return whether ``give_way`` has an item."""
        return self._longest(client) is not None

    def _longest(self, client: Client) -> deque[Item] | None:
        longest = max(self._waiting.values(), key=len, default=None)
        own = self._waiting.get(client, ())
        return longest if longest and len(longest) >= len(own) + 2 else None


class FairSemaphore:
    """Room for ``value`` at the same time on the event loop; the clients who wait take turns."""

    def __init__(self, value: int = 1) -> None:
        self._free = value
        self._waiting: Turns[asyncio.Future[None]] = Turns()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the current client's turn, and hold it for a block."""
        await self._acquire()
        try:
            yield
        finally:
            self._release()

    async def _acquire(self) -> None:
        if self._free:
            self._free -= 1
            return
        client, given = current_client(), asyncio.get_running_loop().create_future()
        self._waiting.add(client, given)
        try:
            await given
        except BaseException:
            self._waiting.remove(client, given)
            if given.done() and not given.cancelled() and given.exception() is None:
                self._release()
            raise

    def refuse_one(self, client: Client, error: Exception) -> bool:
        """Raise ``error`` where one waits who has to give way to ``client``, if anyone has to."""
        while (given := self._waiting.give_way(client)) is not None:
            if not given.done():
                given.set_exception(error)
                return True
        return False

    def _release(self) -> None:
        while (given := self._waiting.next()) is not None:
            # It may have been cancelled a moment ago.
            if not given.done():
                given.set_result(None)
                return
        self._free += 1
