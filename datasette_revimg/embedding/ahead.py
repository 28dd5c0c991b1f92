"""Threads that read and decode ahead of the one that collects their results.

A read may hang for ever, on a network share whose server is gone for example. Its picture is given
up after a while, and nobody waits for the thread: not the run, and not the end of the program.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

from ..errors import RevimgError
from ..pictures.files import MissingError
from ..pictures.opening import ImageError
from .jobs import Job

# How long reading one file may take: 500 MB over a slow network.
READ_SECONDS = 120.0

# Reads that hang at the same time, each with a thread: then the disk or the share is gone.
MOST_HANGING = 16

# How long the end of a run waits for threads in the middle of a picture.
_END_SECONDS = 0.5

_LOOK_SECONDS = 0.5

Result = TypeVar("Result")

# A picture's bytes, or why there are none.
Content = bytes | ImageError


@dataclass
class _Task(Generic[Result]):
    """One job; ``reading_since`` is a time of ``time.monotonic`` while its file is being read."""

    job: Job
    result: Future[Result] = field(default_factory=Future)
    reading_since: float | None = None
    given_up: bool = False


def work_ahead(
    jobs: Iterator[Job],
    work: Callable[[Job, Content], Result],
    *,
    ahead: int,
    threads: int,
    read_seconds: float = READ_SECONDS,
) -> Generator[Result]:
    """Yield the result of ``work`` for every job, in order, with at most ``ahead`` of them waiting.

    ``work`` gets the job and what its ``read`` returned or raised; both run in one of the
    threads. A read that takes longer than ``read_seconds`` counts as a MissingError. Raises
    RevimgError when MOST_HANGING reads hang.
    """
    workers = _Workers(work, threads, read_seconds)
    pending: deque[_Task[Result]] = deque()
    try:
        for job in jobs:
            pending.append(workers.submit(job))
            if len(pending) >= ahead:
                yield workers.result(pending.popleft())
        while pending:
            yield workers.result(pending.popleft())
    finally:
        workers.stop()


class _Workers(Generic[Result]):
    def __init__(
        self, work: Callable[[Job, Content], Result], threads: int, read_seconds: float
    ) -> None:
        self._work, self._read_seconds = work, read_seconds
        self._tasks: SimpleQueue[_Task[Result] | None] = SimpleQueue()
        self._stopped = False
        self._given_up: list[_Task[Result]] = []
        self._threads: list[threading.Thread] = []
        for _ in range(threads):
            self._start()

    def submit(self, job: Job) -> _Task[Result]:
        task: _Task[Result] = _Task(job)
        self._tasks.put(task)
        return task

    def result(self, task: _Task[Result]) -> Result:
        """Wait for a task's result; give it up when its file is read for too long."""
        look = min(_LOOK_SECONDS, self._read_seconds)
        while not wait([task.result], look).done:
            since = task.reading_since
            if since is not None and time.monotonic() - since > self._read_seconds:
                return self._give_up(task)
        return task.result.result()

    def stop(self) -> None:
        """Let the threads end after the pictures that they are busy with."""
        self._stopped = True
        for _ in self._threads:
            self._tasks.put(None)
        deadline = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _give_up(self, task: _Task[Result]) -> Result:
        task.given_up = True
        self._given_up = [each for each in self._given_up if not each.result.done()] + [task]
        reason = f"reading it did not end within {self._read_seconds:g} seconds"
        if len(self._given_up) >= MOST_HANGING:
            raise RevimgError(
                f"{len(self._given_up)} files can't be read, the last one is {_name(task.job)}: "
                f"{reason}. Is their disk or network share there? What was finished is kept"
            )
        # In place of the one that hangs.
        self._start()
        return self._work(task.job, MissingError(reason))

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="revimg-decode", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        while (task := self._tasks.get()) and not self._stopped:
            try:
                task.result.set_result(self._finish(task))
            except BaseException as error:
                task.result.set_exception(error)
            if task.given_up:
                return

    def _finish(self, task: _Task[Result]) -> Result:
        task.reading_since = time.monotonic()
        content: Content
        try:
            content = task.job.read()
        except ImageError as error:
            content = error
        task.reading_since = None
        return self._work(task.job, content)


def _name(job: Job) -> str:
    return ", ".join(map(str, job.key))
