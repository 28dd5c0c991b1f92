"""Threads for what takes long, behind a queue that refuses work rather than let it wait long.

Neither the event loop nor Datasette's SQL threads wait for it, and clients take turns.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ..current import current_client
from ..problems import BusyError
from .room import Room
from .turns import Client, Turns

# After which to come back when a queue is full.
RETRY_SECONDS = 2

Result = TypeVar("Result")


class _Job:
    """Work for a thread, and the future of its result.

    Work that was taken back is let go at once: what it holds may be large.
    """

    def __init__(self, future: Future[Any], work: Callable[[], Any]) -> None:
        self.future = future
        self.work: Callable[[], Any] | None = work
        future.add_done_callback(self._let_go)

    def _let_go(self, _: Future[Any]) -> None:
        self.work = None


class _Jobs:
    """The jobs that wait for a thread, until the end."""

    def __init__(self) -> None:
        self._waiting: Turns[_Job] = Turns()
        self._ended = False
        self._changed = threading.Condition()

    def add(self, client: Client, job: _Job) -> None:
        with self._changed:
            self._waiting.add(client, job)
            self._changed.notify()

    def next(self) -> _Job | None:
        """Wait for a job and return it; None after the end."""
        with self._changed:
            while (job := self._waiting.next()) is None and not self._ended:
                self._changed.wait()
            return job

    def remove(self, client: Client, job: _Job) -> None:
        with self._changed:
            self._waiting.remove(client, job)

    def give_way(self, client: Client) -> _Job | None:
        with self._changed:
            return self._waiting.give_way(client)

    def would_give_way(self, client: Client) -> bool:
        with self._changed:
            return self._waiting.would_give_way(client)

    def end(self) -> None:
        """Refuse the jobs that wait, and let the threads end."""
        with self._changed:
            self._ended = True
            waiting = list(iter(self._waiting.next, None))
            self._changed.notify_all()
        for job in waiting:
            _refuse(job.future, _shutting_down())


class Queue:
    """Some threads, and a bounded queue before them.

    ``size`` jobs may wait or run; one more is refused with the sentence ``busy``, or takes the
    place of one of a client who has several. The threads end with ``stop``, with the object, or
    with the process, which never waits for them.
    """

    def __init__(self, name: str, size: int, busy: str, threads: int = 1) -> None:
        self.room = Room(size, busy, RETRY_SECONDS)
        self._name, self._most_threads = name, threads
        self._jobs = _Jobs()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        # The threads hold the jobs, not this object, so that it can be forgotten.
        weakref.finalize(self, self._jobs.end)

    def check_room(self) -> None:
        """Raise BusyError if there is no room for one more job of the current client."""
        self.check_open()
        if not self._jobs.would_give_way(current_client()):
            self.room.check()

    def check_open(self) -> None:
        """Raise BusyError if the queue was stopped."""
        if self._stopped.is_set():
            raise _shutting_down()

    def pause(self, seconds: float) -> None:
        """Wait in one of the threads. Raises BusyError as soon as the queue is stopped."""
        if self._stopped.wait(seconds):
            self.check_open()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Have ``work`` done in a thread. Raises BusyError when the queue is full."""
        future: Future[Result] = Future()
        client = current_client()
        with self._lock:
            self.check_open()
            self._enter(client)
            job = _Job(future, work)
            # Also when nobody wants the result any longer, and the job was taken back.
            future.add_done_callback(lambda _: self._leave(client, job))
            self._jobs.add(client, job)
            if len(self._threads) < self._most_threads:
                self._start_thread()
        return future

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of ``work``, done in a thread. Raises BusyError as ``submit``."""
        return await asyncio.wrap_future(self.submit(work))

    def stop(self) -> None:
        """Refuse new jobs and those that wait, and let the threads end."""
        with self._lock:
            self._stopped.set()
        self._jobs.end()

    def join(self, deadline: float) -> None:
        """Wait for the threads to end, until ``deadline`` by time.monotonic() at most."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _enter(self, client: Client) -> None:
        """Take a place in the room, if need be that of a client who has several."""
        try:
            self.room.enter()
        except BusyError as error:
            job = self._jobs.give_way(client)
            if job is None:
                raise
            # It leaves the room.
            _refuse(job.future, error)
            self.room.enter()

    def _leave(self, client: Client, job: _Job) -> None:
        self._jobs.remove(client, job)
        self.room.leave()

    def _start_thread(self) -> None:
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=_work, args=[self._jobs], name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _work(jobs: _Jobs) -> None:
    while job := jobs.next():
        _do(job)
        # Not until the next one comes: what it holds may be large.
        del job


def _do(job: _Job) -> None:
    work = job.work
    if not job.future.set_running_or_notify_cancel() or work is None:
        return
    try:
        result = work()
    except BaseException as error:
        job.future.set_exception(error)
    else:
        job.future.set_result(result)


def _refuse(future: Future[Any], error: BusyError) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)


def _shutting_down() -> BusyError:
    return BusyError("the server is being shut down")
