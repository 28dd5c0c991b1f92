"""Work that can't leave the event loop: one piece in each of its rounds."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from typing import ClassVar

import pytest
from datasette.app import Datasette
from datasette.utils.asgi import Request

from datasette_revimg.web.requests.responses import html_response
from datasette_revimg.web.work.pace import Pace

pytestmark = pytest.mark.asyncio


class Rounds:
    """Counts the rounds of the event loop, in each of which everything that is ready is done."""

    def __init__(self) -> None:
        self.number = 0
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self.number += 1
        asyncio.get_running_loop().call_soon(self._next)


async def test_one_in_each_round():
    rounds, pace, done = Rounds(), Pace(), []

    async def work():
        await pace.turn()
        done.append(rounds.number)

    await asyncio.gather(*(work() for _ in range(20)))
    assert len(set(done)) == 20


async def test_who_leaves_keeps_nobody_waiting():
    pace = Pace()
    waiting = [asyncio.create_task(pace.turn()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting[:2]:
        task.cancel()
    await waiting[2]


@dataclass(frozen=True)
class Page:
    """A page without anything in it."""

    template: ClassVar[str] = "revimg/problem.html"


async def test_pages_that_are_ready_at_once_are_filled_in_one_by_one(ds, monkeypatch):
    """20 of them, one after the other, kept the event loop for as long as all of them took."""
    rounds, filled = Rounds(), []

    async def fill(*_, **__):
        filled.append(rounds.number)
        return ""

    monkeypatch.setattr(ds, "render_template", fill)
    request = Request.fake("/")
    await asyncio.gather(*(html_response(ds, request, Page()) for _ in range(20)))
    assert len(set(filled)) == 20


async def test_collections_of_garbage_pass_over_what_is_loaded() -> None:
    await Datasette([]).invoke_startup()
    assert gc.get_freeze_count() > len(gc.get_objects())
