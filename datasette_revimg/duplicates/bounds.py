"""Which pairs of many pictures may reach a minimum: products of their integer codes say it.

See ``vectors/integer_codes``. The codes are made of all vectors once, in memory: at most some 1,100
bytes a picture.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ..models.integer_product import LARGEST, IntegerProduct
from ..vectors.integer_codes import IntegerCodes, fit
from .lineup import Lineup

# Pictures that a block is compared with at once: the products of a block of 2,048 take 8 MB, about
# what a processor's cache can hold.
CHUNK = 1024

# Pictures to fit the codes to.
_SAMPLE = 4096

# Pairs by their pictures' places, int64 (n,) each.
Places = tuple[np.ndarray, np.ndarray]


class Bounds:
    """The codes of a lineup's pictures, chunk by chunk, each int8 (k, CHUNK)."""

    def __init__(self, lineup: Lineup, minimum: float) -> None:
        """Encode all pictures, and leave those out that have no vector."""
        self._minimum = minimum
        count = len(lineup.plain)
        sample = lineup.vectors(
            np.unique(np.linspace(0, count - 1, min(count, _SAMPLE), dtype=int))
        )
        self._basis = fit(sample[sample.any(axis=1)], minimum, LARGEST)
        numbers = np.zeros((count, self._basis.size), np.int8)
        self._lengths = np.zeros(count, np.float32)
        self._errors = np.zeros(count, np.float32)
        present = np.zeros(count, bool)
        for places, vectors in lineup.scan():
            coded = self._basis.encode(vectors)
            numbers[places] = coded.numbers
            self._lengths[places], self._errors[places] = coded.lengths, coded.errors
            present[places] = True
        lineup.leave_out(np.flatnonzero(~present))
        self._chunks = [
            np.ascontiguousarray(numbers[start : start + CHUNK].T)
            for start in range(0, count, CHUNK)
        ]
        self._dropped = np.zeros(count, bool)
        self._product = IntegerProduct()

    @property
    def width(self) -> int:
        """How many directions the codes have."""
        return len(self._basis.basis)

    def drop(self, places: np.ndarray) -> None:
        """Let these pictures, int64 (n,), be open to no pair from now on, if the minimum is > 0."""
        places = places[~self._dropped[places]]
        self._dropped[places] = True
        self._lengths[places] = self._errors[places] = 0
        for chunk in np.unique(places // CHUNK).tolist():
            self._chunks[chunk][:, places[places // CHUNK == chunk] % CHUNK] = 0

    def open_pairs(self, block: slice, end: int) -> Iterator[Places]:
        """Yield pairs that may reach the minimum, of a picture before ``end`` and one of a block.

        No other pair of these does. Some pairs may be yielded twice, of pictures in the block.
        """
        return self._all_open(self._coded(block), block.start, end)

    def open_with(self, vectors: np.ndarray) -> Iterator[Places]:
        """Yield pairs that may reach the minimum, of a picture and one of other unit vectors.

        The second of a pair is the row of ``vectors``, float32 (m, D). No other pair may.
        """
        return self._all_open(self._basis.encode(vectors), 0, len(self._dropped))

    def _all_open(self, left: IntegerCodes, first: int, end: int) -> Iterator[Places]:
        threads = _threads()
        with ThreadPoolExecutor(threads, thread_name_prefix="revimg-pairs") as executor:
            pending: deque[Future[Places]] = deque()
            for start in range(0, end, CHUNK):
                pending.append(executor.submit(self._open, left, first, start))
                if len(pending) > threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _open(self, left: IntegerCodes, first: int, start: int) -> Places:
        """Return the open pairs of codes, those of places from ``first`` on, with a chunk."""
        chunk = slice(start, start + CHUNK)
        right = IntegerCodes(
            self._chunks[start // CHUNK], self._lengths[chunk], self._errors[chunk]
        )
        products = self._product(left.numbers, right.numbers)
        least = self._basis.least_product(self._minimum, left, right)
        # Few rows reach that, and to find the largest number of each is quicker than to compare
        # all. Of one dimension: numpy takes ten times as long to find the places in two.
        rows = np.flatnonzero(products.max(axis=1) >= least)
        places, columns = np.divmod(
            np.flatnonzero(products[rows] >= least[rows, np.newaxis]), products.shape[1]
        )
        return columns + start, rows[places] + first

    def _coded(self, block: slice) -> IntegerCodes:
        """Return the codes of a block as rows."""
        parts = []
        for number in range(block.start // CHUNK, -(-block.stop // CHUNK)):
            start = number * CHUNK
            inside = slice(max(block.start - start, 0), min(block.stop - start, CHUNK))
            parts.append(self._chunks[number][:, inside].T)
        return IntegerCodes(np.concatenate(parts), self._lengths[block], self._errors[block])


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
