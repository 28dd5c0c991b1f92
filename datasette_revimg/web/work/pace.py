"""The pace of what takes some milliseconds on the event loop: one at a time, others between."""

from __future__ import annotations

import asyncio


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
