"""Results that are computed once, beside the requests, and kept."""

from __future__ import annotations

import asyncio
import threading

import pytest

from datasette_revimg.web.problems import BusyError
from datasette_revimg.web.work.kept import Kept
from datasette_revimg.web.work.queue import Queue

pytestmark = pytest.mark.asyncio


@pytest.fixture
def queue():
    return Queue("kept", 2, "too much to compute")


async def test_kept_computes_once_and_keeps_the_last(queue):
    kept: Kept[int] = Kept(queue, 2)
    runs: list[int] = []

    def compute(number: int):
        return lambda: runs.append(number) or number

    assert await asyncio.gather(*(kept.get("a", compute(1)) for _ in range(5))) == [1] * 5
    assert runs == [1]
    await kept.get("b", compute(2))
    await kept.get("a", compute(0))
    await kept.get("c", compute(3))
    assert (kept.ready("a"), kept.ready("b"), kept.ready("c")) == (1, None, 3)
    assert runs == [1, 2, 3]


async def test_kept_counts_bytes(queue):
    kept: Kept[bytes] = Kept(queue, 100, 10, len)
    for name, size in (("a", 4), ("b", 5), ("c", 1)):
        await kept.get(name, lambda size=size: bytes(size))
    assert len(kept) == 3
    await kept.get("d", lambda: bytes(3))
    assert [kept.has(name) for name in "abcd"] == [False, True, True, True]
    # One that is too large alone takes the place of all others until the next one comes.
    await kept.get("e", lambda: bytes(11))
    assert [kept.has(name) for name in "abcde"] == [False] * 4 + [True]
    await kept.get("f", lambda: bytes(1))
    assert [kept.has(name) for name in "ef"] == [False, True]


async def test_kept_tries_again_after_an_error(queue):
    kept: Kept[int] = Kept(queue, 2)
    with pytest.raises(ZeroDivisionError):
        await kept.get("a", lambda: 1 // 0)
    assert kept.failed("a")
    assert not kept.has("a")
    assert await kept.get("a", lambda: 5) == 5


async def test_kept_refuses_more_than_it_can_do(queue):
    kept: Kept[None] = Kept(queue, 9)
    go = threading.Event()
    futures = [kept.start(name, go.wait) for name in "ab"]
    with pytest.raises(BusyError, match="too much to compute"):
        kept.start("c", lambda: None)
    assert not kept.has("c")
    go.set()
    for future in futures:
        future.result(timeout=60)
    assert await kept.get("c", lambda: None) is None


async def test_who_leaves_takes_nothing_from_the_others(queue):
    kept: Kept[int] = Kept(queue, 2)
    go = threading.Event()
    work = kept.get("a", lambda: go.wait() and 7)
    leaving, staying = asyncio.ensure_future(work), asyncio.ensure_future(kept.get("a", int))
    await asyncio.sleep(0.05)
    leaving.cancel()
    go.set()
    assert await staying == 7


async def test_work_that_waits_at_the_end_has_failed(queue):
    kept: Kept[int] = Kept(queue, 2)
    go = threading.Event()
    kept.start("a", go.wait)
    waiting = asyncio.ensure_future(kept.get("b", int))
    await asyncio.sleep(0)
    queue.stop()
    go.set()
    with pytest.raises(BusyError, match="shut down"):
        await waiting
    assert kept.failed("b")
    assert kept.ready("b") is None
