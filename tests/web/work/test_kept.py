"""Results that are computed once, beside the requests, and kept."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from datasette_revimg.web.problems import BusyError
from datasette_revimg.web.work.kept import Kept
from datasette_revimg.web.work.queue import Queue
from datasette_revimg.web.work.room import Room

pytestmark = pytest.mark.asyncio


def kept_of(most: int, *options) -> Kept:
    """Results of a queue that makes one and lets another one wait."""
    queue = Queue("kept", 2, "too much to compute")
    return Kept(queue, Room(2, "too much to compute", 5), most, *options)


def by(work):
    """The computation that does the work in the queue."""
    return lambda queue: queue.run(work)


async def test_kept_computes_once_and_keeps_the_last():
    kept = kept_of(2)
    runs: list[int] = []

    def compute(number: int):
        return by(lambda: runs.append(number) or number)

    assert await asyncio.gather(*(kept.get("a", compute(1)) for _ in range(5))) == [1] * 5
    assert runs == [1]
    await kept.get("b", compute(2))
    await kept.get("a", compute(0))
    await kept.get("c", compute(3))
    assert (kept.ready("a"), kept.ready("b"), kept.ready("c")) == (1, None, 3)
    assert runs == [1, 2, 3]


async def test_kept_counts_bytes():
    kept = kept_of(100, 10, len)
    for name, size in (("a", 4), ("b", 5), ("c", 1)):
        await kept.get(name, by(lambda size=size: bytes(size)))
    assert len(kept) == 3
    await kept.get("d", by(lambda: bytes(3)))
    assert [kept.has(name) for name in "abcd"] == [False, True, True, True]
    # One that is too large alone takes the place of all others until the next one comes.
    await kept.get("e", by(lambda: bytes(11)))
    assert [kept.has(name) for name in "abcde"] == [False] * 4 + [True]
    await kept.get("f", by(lambda: bytes(1)))
    assert [kept.has(name) for name in "ef"] == [False, True]


async def test_kept_tries_again_after_an_error():
    kept = kept_of(2)
    with pytest.raises(ZeroDivisionError):
        await kept.get("a", by(lambda: 1 // 0))
    assert kept.failed("a")
    assert not kept.has("a")
    assert await kept.get("a", by(lambda: 5)) == 5
    assert not kept.failed("a")


async def test_a_failure_keeps_nothing_alive():
    class Large:
        pass

    seen: list[weakref.ref[Large]] = []

    def fail():
        large = Large()
        seen.append(weakref.ref(large))
        raise ValueError(large)

    kept = kept_of(2)
    kept.begin("a", by(fail), 60)
    while not kept.failed("a"):
        await asyncio.sleep(0.01)
    await kept.get("b", by(int))
    gc.collect()
    assert [each() for each in seen] == [None]


async def test_kept_refuses_more_than_it_can_do():
    kept = kept_of(9)
    go = threading.Event()
    first = [asyncio.ensure_future(kept.get(name, by(go.wait))) for name in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(BusyError, match="too much to compute"):
        await kept.get("c", by(int))
    assert not kept.has("c")
    go.set()
    assert await asyncio.gather(*first) == [True, True]
    assert await kept.get("c", by(int)) == 0


async def test_who_leaves_takes_nothing_from_the_others():
    kept = kept_of(2)
    go = threading.Event()
    work = kept.get("a", by(lambda: go.wait() and 7))
    leaving, staying = asyncio.ensure_future(work), asyncio.ensure_future(kept.get("a", by(int)))
    await asyncio.sleep(0.05)
    leaving.cancel()
    go.set()
    assert await staying == 7


async def test_what_waits_is_not_prepared_and_given_up_with_the_last_who_leaves():
    kept = kept_of(9)
    go, prepared, ran = threading.Event(), [], []

    def compute(name):
        async def prepare(queue):
            prepared.append(name)
            return await queue.run(lambda: go.wait() and ran.append(name))

        return prepare

    first = asyncio.ensure_future(kept.get("a", compute("a")))
    second = [asyncio.ensure_future(kept.get("b", compute("b"))) for _ in range(2)]
    await asyncio.sleep(0.05)
    # As long as the first one isn't through, nothing is read for the second one.
    assert prepared == ["a"]
    second[0].cancel()
    await asyncio.sleep(0.05)
    assert kept.has("b")
    second[1].cancel()
    await asyncio.sleep(0.05)
    assert not kept.has("b")
    third = asyncio.ensure_future(kept.get("c", compute("c")))
    go.set()
    await asyncio.gather(first, third)
    assert prepared == ran == ["a", "c"]


async def test_begun_work_is_given_up_unless_somebody_asks_again():
    kept = kept_of(9)
    go, ran = threading.Event(), []

    def compute(name):
        return by(lambda: go.wait() and ran.append(name))

    staying = asyncio.ensure_future(kept.get("a", compute("a")))
    await asyncio.sleep(0)
    kept.begin("b", compute("b"), 0.01)
    await asyncio.sleep(0.1)
    assert not kept.has("b")
    # The place is free again. Of those who ask, the one with the most patience counts.
    kept.begin("c", compute("c"), 0.01)
    kept.begin("c", compute("c"), 60)
    await asyncio.sleep(0.1)
    assert kept.has("c")
    go.set()
    await staying
    assert await kept.get("c", compute("c")) is None
    assert ran == ["a", "c"]


async def test_work_that_waits_at_the_end_has_failed():
    kept = kept_of(2)
    go = threading.Event()
    running = asyncio.ensure_future(kept.get("a", by(go.wait)))
    waiting = asyncio.ensure_future(kept.get("b", by(int)))
    await asyncio.sleep(0)
    kept.queue.stop()
    go.set()
    with pytest.raises(BusyError, match="shut down"):
        await waiting
    with pytest.raises(BusyError, match="shut down"):
        await kept.get("c", by(int))
    assert kept.failed("b")
    assert kept.ready("b") is None
    await asyncio.gather(running, return_exceptions=True)
