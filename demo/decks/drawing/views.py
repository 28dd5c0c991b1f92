"""The directions in which heads and hands of court cards are turned."""

from __future__ import annotations

from enum import Enum, auto


class View(Enum):
    """The turn of a head; its value is the shift of the features of the face."""

    FRONT = 0.0
    THREE_QUARTER = 0.2
    PROFILE = 0.5


class Side(Enum):
    """A side of the card."""

    LEFT = auto()
    RIGHT = auto()
