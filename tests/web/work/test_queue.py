"""Threads behind a bounded queue: the event loop goes on, and nothing waits for long."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from datasette_revimg.web.problems import BusyError
from datasette_revimg.web.work.queue import Queue
from datasette_revimg.web.work.room import Room

pytestmark = pytest.mark.asyncio


async def test_one_at_a_time_and_the_loop_goes_on():
    running, most = 0, 0
    beat = threading.Event()

    def work():
        nonlocal running, most
        running += 1
        most = max(most, running)
        beat.clear()
        goes_on = beat.wait(60)
        running -= 1
        return threading.current_thread().name if goes_on else "the loop stood still"

    async def heart():
        while True:
            await asyncio.sleep(0.005)
            beat.set()

    queue = Queue("pictures", 4, "too many")
    beating = asyncio.create_task(heart())
    names = await asyncio.gather(*(queue.run(work) for _ in range(4)))
    beating.cancel()
    assert most == 1
    assert set(names) == {"pictures_0"}


async def test_several_threads():
    together = threading.Barrier(3, timeout=60)
    queue = Queue("pictures", 9, "too many", threads=3)
    # Each waits until all three are there.
    assert sorted(await asyncio.gather(*(queue.run(together.wait) for _ in range(3)))) == [0, 1, 2]


async def test_full_queue():
    go = threading.Event()
    queue = Queue("pictures", 8, "too many pictures, come back")
    jobs = [asyncio.create_task(queue.run(go.wait)) for _ in range(queue.room.size)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError, match="too many pictures, come back") as caught:
        await queue.run(go.wait)
    assert caught.value.retry_seconds >= 1
    # A visitor who gives up leaves a place behind.
    jobs[-1].cancel()
    await asyncio.sleep(0)
    last = asyncio.create_task(queue.run(lambda: "last"))
    go.set()
    assert await last == "last"
    await asyncio.gather(*jobs, return_exceptions=True)
    queue.check_room()


async def test_work_that_was_taken_back_is_let_go_at_once():
    class Large:
        def work(self):
            pass

    go = threading.Event()
    queue = Queue("pictures", 8, "too many")
    running = queue.submit(go.wait)
    large = Large()
    seen = weakref.ref(large)
    waiting = queue.submit(large.work)
    del large
    gc.collect()
    assert seen() is not None
    waiting.cancel()
    gc.collect()
    assert seen() is None
    go.set()
    running.result(60)


async def test_errors_are_those_of_the_work():
    queue = Queue("pictures", 2, "too many")
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
    assert await queue.run(lambda: "goes on") == "goes on"


async def test_stop_refuses_and_waits():
    go, ran = threading.Event(), []
    queue = Queue("pictures", 8, "too many")
    running = queue.submit(lambda: go.wait(60) and threading.current_thread())
    waiting = queue.submit(lambda: ran.append(1))
    queue.stop()
    with pytest.raises(BusyError, match="shut down"):
        waiting.result(timeout=60)
    with pytest.raises(BusyError, match="shut down"):
        queue.submit(lambda: ran.append(2))
    # Work that goes on longer is left alone.
    before = time.monotonic()
    queue.join(before + 0.05)
    assert time.monotonic() - before < 30
    go.set()
    queue.join(time.monotonic() + 60)
    assert not running.result(timeout=60).is_alive()
    assert ran == []


async def test_threads_end_with_a_forgotten_queue():
    queue = Queue("pictures", 8, "too many", threads=2)
    threads = [await queue.run(threading.current_thread)]
    forgotten = weakref.ref(queue)
    del queue
    gc.collect()
    assert forgotten() is None
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


async def test_room_is_given_back_after_an_error():
    room = Room(1, "too many forms", retry_seconds=5)

    def full():
        with room.place():
            room.enter()

    with pytest.raises(BusyError, match="too many forms") as caught:
        full()
    assert caught.value.retry_seconds == 5
    assert room.taken == 0
