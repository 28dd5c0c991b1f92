"""Which pairs of a few pictures with many others may reach a minimum: their vectors say it.

To make codes of all would take longer than to multiply the vectors as they are read.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..vectors.codes import EPSILON
from .bounds import Places
from .lineup import Lineup

# As many as the codes have numbers, roughly.
FEW = 256


class Few:
    """A lineup of which only some pictures are compared with all."""

    width = 0

    def __init__(self, lineup: Lineup, minimum: float) -> None:
        self._lineup = lineup
        self._limit = np.float32(minimum - EPSILON)

    def drop(self, places: np.ndarray) -> None:
        """Do nothing: each picture is met once."""

    def open_pairs(self, block: slice, end: int) -> Iterator[Places]:
        """Yield pairs that may reach the minimum, of a picture before ``end`` and one of a block.

        No other pair of these does. Some pairs may be yielded twice, of pictures in the block.
        Pictures that turn out to have no vector are left out of the lineup.
        """
        own = self._lineup.vectors(np.arange(block.start, block.stop))
        missing = np.ones(len(self._lineup.plain), bool)
        for places, vectors in self._lineup.scan():
            missing[places] = False
            cosines = vectors @ own.T
            rows = np.flatnonzero(cosines.max(axis=1) >= self._limit)
            some, columns = np.divmod(np.flatnonzero(cosines[rows] >= self._limit), len(own))
            yield places[rows[some]], columns + block.start
        self._lineup.leave_out(np.flatnonzero(missing))
