"""Bounded room for what goes on at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..current import network
from ..problems import BusyError, TooManyError


class Room:
    """Places for ``size`` jobs.

    One more is refused at once, with the sentence ``busy`` and the seconds after which to come
    back.
    """

    def __init__(self, size: int, busy: str, retry_seconds: int) -> None:
        self.size = size
        self._busy, self._retry_seconds = busy, retry_seconds
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """The number of places that are taken."""
        return self._taken

    def check(self) -> None:
        """Raise BusyError if all places are taken."""
        if self._taken >= self.size:
            raise BusyError(self._busy, self._retry_seconds)

    def enter(self) -> None:
        """Take a place, until ``leave``. Raises BusyError if all are taken."""
        with self._lock:
            self.check()
            self._taken += 1

    def succeed(self) -> None:
        """Take the place of somebody who has not left yet, but will."""
        with self._lock:
            self._taken += 1

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for a block. Raises BusyError if all are taken."""
        self.enter()
        try:
            yield
        finally:
            self.leave()


class Shares:
    """Of the places in a room, at most ``size`` for each client, so that some are left for others.

    Used on the event loop alone. One more is refused at once, with the sentence ``busy`` and the
    seconds after which to come back.
    """

    def __init__(self, size: int, busy: str, retry_seconds: int) -> None:
        self._size, self._busy, self._retry_seconds = size, busy, retry_seconds
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, address: str | None) -> Iterator[None]:
        """Hold a place for a block. Raises TooManyError if the client has all of its own.

        Where the server doesn't know the address of its clients, there is no such limit.
        """
        client = network(address) if address else None
        if client is None:
            yield
            return
        if self._taken[client] >= self._size:
            raise TooManyError(self._busy, self._retry_seconds)
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
