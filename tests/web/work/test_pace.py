"""Work that can't leave the event loop: one piece in each of its rounds."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import pytest
from datasette.utils.asgi import Request
from jinja2 import DictLoader

from datasette_revimg.web.compat import jinja_environment
from datasette_revimg.web.requests.responses import html_response
from datasette_revimg.web.work.pace import AT_ONCE, Pace, PacedList

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


@dataclass(frozen=True)
class Cards:
    """A page of cards alone."""

    template: ClassVar[str] = "cards.html"

    cards: list[object]


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


async def test_the_loop_has_its_turns_among_the_items_of_a_list():
    rounds, pace, when = Rounds(), Pace(), []
    items = PacedList(range(10 * AT_ONCE), pace)

    async def go_through():
        await pace.turn()
        async for item in items:
            when.append((item, rounds.number))

    await asyncio.gather(go_through(), go_through())
    assert sorted(item for item, _ in when) == sorted([*range(10 * AT_ONCE)] * 2)
    assert max(Counter(number for _, number in when).values()) <= AT_ONCE


async def test_the_cards_of_a_page_are_filled_in_over_several_rounds(ds, monkeypatch):
    """200 of them kept the event loop for 15 to 40 ms of processor time."""
    rounds, filled = Rounds(), []

    class Card:
        @property
        def status(self):
            filled.append(rounds.number)
            return "card"

    await ds.invoke_startup()
    environment = jinja_environment(ds)
    cards = "{% for card in cards %}{{ card.status }} {% endfor %}"
    monkeypatch.setattr(environment, "loader", DictLoader({"cards.html": cards}))
    page = Cards([Card() for _ in range(5 * AT_ONCE)])
    request = Request.fake("/")
    # 0.65 has one in each of its own.
    request.scope["csrftoken"] = str
    response = await html_response(ds, request, page)
    assert response.body == "card " * 5 * AT_ONCE
    assert len(filled) == 5 * AT_ONCE
    assert max(Counter(filled).values()) <= AT_ONCE
