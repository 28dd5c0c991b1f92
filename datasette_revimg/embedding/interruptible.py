"""Work on a file system that may not answer, in a thread that Ctrl-C need not wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Result = TypeVar("Result")

_LOOK_SECONDS = 0.5


def interruptible(work: Callable[[], Result], seconds: float | None = None) -> Result:
    """Return what ``work`` returns, or raise what it raises.

    An interruption comes at once, even while the work hangs in the kernel; its thread is left
    behind then. Raises TimeoutError when the work takes longer than ``seconds``.
    """
    result: Future[Result] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, name="revimg-files", daemon=True).start()
    deadline = None if seconds is None else time.monotonic() + seconds
    # A wait without an end isn't interrupted on every system.
    while not wait([result], _LOOK_SECONDS).done:
        if deadline is not None and time.monotonic() > deadline:
            raise TimeoutError
    return result.result()
