"""A row's picture as large as a screen wants it: made when it is asked for, kept nowhere.

What is stored may be anything, hostile or too large for a page. It is drawn anew, in threads of
its own, few of them, because a decoded picture is large.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ...pictures import decoding
from ...pictures.decoding import ImageError
from ..problems import Problem
from .inference import Queue

if TYPE_CHECKING:
    from datasette.app import Datasette

SIDE = 1600

# A picture of 178 megapixels takes 1.4 GB while it is converted.
_THREADS = 2

# Two for each visitor, about a second's work for each of the threads in ordinary photos.
_WAITING = 24

_queues: WeakKeyDictionary[Datasette, Queue] = WeakKeyDictionary()


async def rendition(datasette: Datasette, data: bytes) -> bytes:
    """The picture as WebP, longest side at most SIDE.

    Problem 422 when the bytes are no picture that can be shown, 503 when too many are waiting.
    """
    if datasette not in _queues:
        _queues[datasette] = Queue("revimg-renditions", _THREADS, _WAITING, "being opened")
    return await _queues[datasette].run(lambda: _make(data))


async def shutdown(datasette: Datasette) -> None:
    """End the threads of this Datasette."""
    if datasette in _queues:
        await asyncio.to_thread(_queues[datasette].close)


def size(original: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the rendition of a picture of this width and height."""
    scale = min(1.0, SIDE / max(original))
    return max(1, round(original[0] * scale)), max(1, round(original[1] * scale))


def _make(data: bytes) -> bytes:
    try:
        return decoding.rendition(data, SIDE)
    except ImageError as error:
        raise Problem(422, f"the picture can’t be shown: {error}") from error
