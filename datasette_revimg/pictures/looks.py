"""Ways to look at a picture: as a whole, in windows, turned by quarters, and mirrored.

A search that looks in several ways finds what is only a part of the picture, or lies on its side.
The windows are the four quarters and a fifth of their size in the middle, which overlaps them all.
They are cut from the picture at twice the scale, so that the network gets as many pixels of each as
of the whole. The one in the middle may be had alone: what somebody photographs or is looking for is
mostly there. Which windows there are was chosen with the sets of models/bundling/partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from .orientations import OTHERS, UPRIGHT, Orientation
from .region import SIDE, Crop

WHOLE, MIDDLE, WINDOWS, TURNS, MIRROR = "whole", "middle", "windows", "turns", "mirror"
WAYS = (WHOLE, MIDDLE, WINDOWS, TURNS, MIRROR)
EVERY = "all"

# How many times larger a picture is whose windows are as large as the network takes it.
SCALE = 2

_HALF = SIDE // SCALE

# Where windows begin, and which part of the picture each is.
_CENTRE = (_HALF // 2, _HALF // 2)
_WINDOWS = {
    (0, 0): "the upper left part",
    (_HALF, 0): "the upper right part",
    _CENTRE: "the middle",
    (0, _HALF): "the lower left part",
    (_HALF, _HALF): "the lower right part",
}


@dataclass(frozen=True)
class Look:
    """A picture seen in one way, one of WAYS.

    ``part`` is the window within the picture, and ``words`` say which picture that is, empty for
    the whole one as it is.
    """

    way: str = WHOLE
    part: Crop | None = None
    orientation: Orientation = UPRIGHT
    words: str = ""

    def within(self, crop: Crop | None) -> Crop | None:
        """Return the window within the whole picture, of which ``crop`` was looked at."""
        if self.part is None or crop is None:
            return self.part
        left, upper, right, lower = self.part.box((crop.width, crop.height))
        return Crop(crop.x + left, crop.y + upper, right - left, lower - upper)


@dataclass(frozen=True)
class Ways:
    """Some of WAYS, in their order.

    ``as_possible``: those that the picture or the model doesn't allow are left out; otherwise they
    are an error. ``any_turn``: the whole picture too, in all its orientations.
    """

    names: tuple[str, ...]
    as_possible: bool = False
    any_turn: bool = False


AS_A_WHOLE = Ways((WHOLE,))

# For a picture that is sent: validation was for the middle, and against the four quarters.
SENT = Ways((WHOLE, MIDDLE), as_possible=True)


def parse_ways(text: str) -> Ways:
    """Return the ways that a text names, separated by commas, or ``all`` that are possible.

    Raises RevimgError for any other name.
    """
    names = [name.strip() for name in text.split(",")]
    if names == [EVERY]:
        return Ways(WAYS, as_possible=True)
    for name in names:
        if name not in WAYS:
            raise RevimgError(
                f"a picture can’t be looked at in the way {name!r}; the ways are "
                f"{', '.join(WAYS)}, and {EVERY} alone"
            )
    return Ways(tuple(way for way in WAYS if way in names))


def looks(ways: Ways) -> list[Look]:
    """Return the looks at a picture of these ways, the whole one as it is first."""
    names = ways.names
    chosen: list[Look] = []
    if WHOLE in names or ways.any_turn:
        chosen.append(Look())
    if MIDDLE in names and WINDOWS not in names:
        chosen.append(Look(MIDDLE, Crop(*_CENTRE, _HALF, _HALF), words=_WINDOWS[_CENTRE]))
    if WINDOWS in names:
        chosen += [
            Look(WINDOWS, Crop(x, y, _HALF, _HALF), words=words)
            for (x, y), words in _WINDOWS.items()
        ]
    for orientation in OTHERS:
        both = orientation.mirrored and orientation.degrees
        way = MIRROR if orientation.mirrored and not both else TURNS
        if ways.any_turn or (way in names and not both):
            chosen.append(Look(way, orientation=orientation, words=orientation.words))
    return chosen


def draw_looks(
    chosen: Sequence[Look], whole: np.ndarray, larger: np.ndarray | None
) -> list[np.ndarray]:
    """Return what a network gets to see of each look, uint8 (height, width, 3) RGB.

    ``whole`` is the picture as the network takes it, ``larger`` the same at SCALE times the size,
    which windows are cut from. A turned picture keeps its shape; see ``orientations.fit`` for
    networks that take only one.
    """
    return [_draw(look, whole, larger) for look in chosen]


def _draw(look: Look, whole: np.ndarray, larger: np.ndarray | None) -> np.ndarray:
    if look.part:
        assert larger is not None
        left, upper, right, lower = look.part.box((larger.shape[1], larger.shape[0]))
        return larger[upper:lower, left:right]
    return look.orientation.of(whole)
