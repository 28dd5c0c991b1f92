"""The tables with changed rows that wait to be embedded, each of them once."""

from __future__ import annotations

import threading

from ...embedding.refresh import Changes

# The name of a database, and the folded one of a table.
Place = tuple[str, str]


class Pending:
    """What is asked for by place, which one thread at a time works on.

    A place that is asked for again, while it waits or is worked on, is not queued again: the
    thread takes what has been asked for in the meantime.
    """

    def __init__(self) -> None:
        self._asked: dict[Place, Changes] = {}
        self._reasons: dict[Place, str] = {}
        self._lock = threading.Lock()

    def __contains__(self, place: Place) -> bool:
        """Return whether a place waits or is worked on."""
        return place in self._asked

    def ask(self, place: Place, changes: Changes) -> bool:
        """Ask for changes; return whether nobody works on the place yet, so that somebody must."""
        with self._lock:
            before = self._asked.get(place)
            self._asked[place] = before | changes if before else changes
            return before is None

    def take(self, place: Place) -> Changes | None:
        """Return what is asked for, to be done now; None when that was all."""
        with self._lock:
            changes = self._asked.get(place, Changes())
            if changes == Changes():
                self._asked.pop(place, None)
                return None
            self._asked[place] = Changes()
            return changes

    def give_up(self, place: Place) -> None:
        """Forget what is asked for."""
        with self._lock:
            self._asked.pop(place, None)

    def is_news(self, place: Place, reason: str) -> bool:
        """Return whether the reason why a place can't be worked on is another one than before.

        An empty reason says that it can.
        """
        with self._lock:
            before = self._reasons.get(place, "")
            self._reasons[place] = reason
            return reason not in ("", before)
