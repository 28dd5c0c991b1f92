"""Signals that end a command as Ctrl-C does, so that it can say what it has kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The program was asked to end by the signal ``number``."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()


@contextmanager
def stop_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the block with Stopped.

    A signal that is ignored, as SIGHUP is under nohup, stays ignored. Only the main thread gets
    signals; in any other, this does nothing.
    """
    previous = {}
    if threading.current_thread() is threading.main_thread():
        # Windows has no SIGHUP.
        numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
        for number in filter(None, numbers):
            if signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """Return 128 and the signal's number, as a shell does for a program that it has ended."""
    number = interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT
    return 128 + number


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
