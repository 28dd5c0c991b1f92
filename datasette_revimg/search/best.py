"""The k best of many rows, equal ones in the order of their keys."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

import numpy as np

from ..keys import Key


@dataclass(frozen=True)
class Hit:
    """A row's key, and the largest cosine of its vector with the queries.

    ``query`` is the number of the query that it was found with, from 0.
    """

    key: Key
    score: float
    query: int = 0


class Best:
    """The ``k`` best of the rows offered so far, in a heap whose first is the worst of them.

    Rows in ``exclude``, and those that score below ``minimum``, are no candidates. With
    ``group_of``, which returns a row's group or None, each group is there with its best row only.
    """

    def __init__(
        self,
        k: int,
        exclude: Collection[Key],
        minimum: float | None,
        group_of: Callable[[Key], Hashable] | None = None,
    ) -> None:
        self.k, self.exclude = k, exclude
        self.minimum = -np.inf if minimum is None else minimum
        self._heap: list[_Item] = []
        self._group_of = group_of
        # The group of each row in the heap that has one, and the row of each such group.
        self._groups: dict[Key, Hashable] = {}
        self._members: dict[Hashable, _Item] = {}

    @property
    def threshold(self) -> float:
        """The score that a row must reach to be among the best."""
        return self._heap[0][0] if len(self._heap) == self.k else self.minimum

    def offer(self, keys: list[Key], cosines: np.ndarray) -> int:
        """Take rows with these cosines with m queries, float64 (m, n), into account.

        A row's score is the largest. Returns how many of the rows are candidates.
        """
        queries = cosines.argmax(axis=0)
        scores = cosines.max(axis=0)
        eligible = scores >= self.minimum
        if self.exclude:
            eligible &= np.fromiter((key not in self.exclude for key in keys), bool, len(keys))
        for place in np.flatnonzero(eligible & (scores >= self.threshold)):
            key = keys[place]
            hit = Hit(key, float(scores[place]), int(queries[place]))
            item = (hit.score, _Ascending(key), hit)
            if len(self._heap) == self.k and item[:2] < self._heap[0][:2]:
                continue
            if self._group_of is None or not self._replace(item, self._group_of(key)):
                self._add(item)
        return int(eligible.sum())

    def _add(self, item: _Item) -> None:
        if len(self._heap) < self.k:
            heapq.heappush(self._heap, item)
            return
        worst = heapq.heapreplace(self._heap, item)[2].key
        if worst in self._groups:
            del self._members[self._groups.pop(worst)]

    def _replace(self, item: _Item, group: Hashable) -> bool:
        """Let a row take the place of a worse one of its group, or leave it out for a better one.

        Returns whether either was done: not for a row without a group, or the first of its group.
        """
        if group is None:
            return False
        former = self._members.get(group)
        if former is not None and item[:2] < former[:2]:
            return True
        self._members[group] = item
        self._groups[item[2].key] = group
        if former is None:
            return False
        del self._groups[former[2].key]
        self._heap.remove(former)
        self._heap.append(item)
        heapq.heapify(self._heap)
        return True

    def hits(self) -> list[Hit]:
        """Return the best rows, the best first."""
        best = sorted(self._heap, key=lambda item: item[:2], reverse=True)
        return [hit for _, _, hit in best]


# A row's score, what decides between equal scores, and the row itself.
_Item = tuple[float, "_Ascending", Hit]


class _Ascending:
    """A key that counts as larger the earlier it comes, in SQLite's order of mixed types."""

    __slots__ = ("rank",)

    def __init__(self, key: Key) -> None:
        self.rank = [
            (2, part) if isinstance(part, bytes) else (isinstance(part, str), part) for part in key
        ]

    def __lt__(self, other: _Ascending) -> bool:
        return self.rank > other.rank

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ascending) and self.rank == other.rank

    __hash__ = None  # type: ignore[assignment]
