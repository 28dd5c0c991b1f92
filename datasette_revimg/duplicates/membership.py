"""The groups of duplicates that single rows are in, without reading all groups."""

from __future__ import annotations

import sqlite3
from functools import cached_property

from ..keys import Key
from ..store import decisions, duplicates
from ..store.decisions import Decision, Pair
from ..store.tables import Table
from .review import Reviewed, review


class Membership:
    """The groups as they stand after what people have decided; each is read when it is needed."""

    def __init__(self, conn: sqlite3.Connection, source: Table) -> None:
        """Prepare to read; nothing is read yet."""
        self._conn, self._source = conn, source
        self._groups: dict[Key, Reviewed | None] = {}

    @cached_property
    def found(self) -> bool:
        """Whether duplicates were ever looked for, whether there are any or not."""
        return duplicates.were_found(self._conn, self._source.name)

    def group(self, key: Key) -> Reviewed | None:
        """Return the group that a row is in, None when it has no duplicates."""
        if not self.found:
            return None
        if key not in self._groups:
            groups = review(duplicates.read(self._conn, self._source, key), self._decided)
            self._groups[key] = None
            for group in groups:
                self._groups.update({member.key: group for member in group.members})
        return self._groups[key]

    def number(self, key: Key) -> int | None:
        """Return the number of the group that a row is in, None when it has no duplicates."""
        group = self.group(key)
        return group.number if group else None

    def others(self, key: Key) -> int:
        """Return how many duplicates a row has."""
        group = self.group(key)
        return len(group.members) - 1 if group else 0

    @cached_property
    def _decided(self) -> dict[Pair, Decision]:
        return decisions.by_pair(self._conn, self._source.name)
