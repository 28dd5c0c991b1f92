"""The pace of what takes some milliseconds on the event loop: one at a time, others between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

# As many cards of a page as are filled in within a millisecond or two.
AT_ONCE = 10

Item = TypeVar("Item")


class Pace:
    """Turns for work that can't leave the event loop, such as filling in a template.

    Several requests may be ready for it at once; one after the other, they would keep the loop
    from everything else for as long as all of them take.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for a turn; nobody else has one until the loop has looked after all others."""
        async with self._turn:
            await asyncio.sleep(0)

    async def each(self, items: Iterable[Item]) -> AsyncIterator[Item]:
        """Yield items, and wait for a turn after every AT_ONCE of them."""
        for number, item in enumerate(items):
            if number and number % AT_ONCE == 0:
                await self.turn()
            yield item


class PacedList(list[Item]):
    """A list over which the loop of a template waits for its turns, as ``Pace.each`` does.

    Jinja's asynchronous templates ask for ``__aiter__`` first.
    """

    def __init__(self, items: Iterable[Item], pace: Pace) -> None:
        super().__init__(items)
        self._pace = pace

    def __aiter__(self) -> AsyncIterator[Item]:
        return self._pace.each(self)
