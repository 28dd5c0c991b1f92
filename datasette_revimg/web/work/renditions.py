"""A row's picture as large as a screen wants it: made when it is asked for, kept nowhere.

What is stored may be anything, hostile or too large for a page. It is drawn anew in a process of
its own, one picture at a time, because a decoded picture is large.
"""

from __future__ import annotations

from ...errors import UnusablePictureError
from ...pictures.isolated import IsolatedDecoder
from ...pictures.opening import ImageError
from ..compat import Datasette
from .state import state_of

SIDE = 1600


async def rendition(datasette: Datasette, data: bytes) -> bytes:
    """Return the picture as WebP, longest side at most SIDE.

    Raises UnusablePictureError when the bytes are no picture that can be shown, and BusyError
    when too many are waiting.
    """
    state = state_of(datasette)
    return await state.renditions.run(lambda: _make(state.row_decoder, data))


def size(original: tuple[int, int]) -> tuple[int, int]:
    """Return width and height of the rendition of a picture of this width and height."""
    scale = min(1.0, SIDE / max(original))
    return max(1, round(original[0] * scale)), max(1, round(original[1] * scale))


def _make(decoder: IsolatedDecoder, data: bytes) -> bytes:
    try:
        return decoder.draw_rendition(data, SIDE)
    except ImageError as error:
        raise UnusablePictureError(f"the picture can’t be shown: {error}") from None
