"""What is computed once, beside the requests, and kept."""

from __future__ import annotations

import asyncio
import threading

import pytest

from datasette_revimg.web.problems import Problem
from datasette_revimg.web.work import kept as background
from datasette_revimg.web.work.kept import Kept


@pytest.mark.asyncio
async def test_kept_computes_once_and_keeps_the_last():
    kept: Kept[int] = Kept(2)
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


@pytest.mark.asyncio
async def test_kept_tries_again_after_an_error():
    kept: Kept[int] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        await kept.get("a", lambda: 1 // 0)
    assert kept.failed("a")
    assert not kept.has("a")
    assert await kept.get("a", lambda: 5) == 5


@pytest.mark.asyncio
async def test_kept_refuses_more_than_it_can_do(monkeypatch):
    monkeypatch.setattr(background, "MOST_WAITING", 2)
    kept: Kept[None] = Kept(9)
    go = threading.Event()
    futures = [kept.start(name, go.wait) for name in "ab"]
    with pytest.raises(Problem) as problem:
        kept.start("c", lambda: None)
    assert problem.value.status == 503
    go.set()
    for future in futures:
        future.result(timeout=60)
    assert await kept.get("c", lambda: None) is None


@pytest.mark.asyncio
async def test_who_leaves_takes_nothing_from_the_others():
    kept: Kept[int] = Kept(2)
    go = threading.Event()
    work = kept.get("a", lambda: go.wait() and 7)
    leaving, staying = asyncio.ensure_future(work), asyncio.ensure_future(kept.get("a", int))
    await asyncio.sleep(0.05)
    leaving.cancel()
    go.set()
    assert await staying == 7
