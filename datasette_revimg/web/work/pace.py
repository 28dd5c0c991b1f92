"""The pace of what takes some milliseconds on the event loop: one at a time, others between."""

from __future__ import annotations

import asyncio
import gc
from functools import cache


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


@cache
def spare_modules() -> None:
    """Take all that is loaded by now out of the garbage collector's sight, once a process.

    A full collection holds the event loop for as long as it walks over every object of every
    module, some 50 ms, to find that they are all still in use (``gc.freeze``, Python's library
    reference).
    """
    gc.collect()
    gc.freeze()
