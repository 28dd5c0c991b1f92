"""Turns between clients: who asks for a lot keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

import pytest
from datasette.utils.asgi import Request

from datasette_revimg.web.current import current_client, remember_request
from datasette_revimg.web.problems import BusyError
from datasette_revimg.web.work.kept import Kept
from datasette_revimg.web.work.queue import Queue
from datasette_revimg.web.work.room import Room
from datasette_revimg.web.work.turns import FairSemaphore, Turns
from kit.clients import as_client, task_of

pytestmark = pytest.mark.asyncio


async def settled():
    """Let everything that is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


def all_of(turns: Turns[str]) -> list[str]:
    return list(iter(turns.next, None))


async def test_clients_take_turns_with_their_oldest():
    turns: Turns[str] = Turns()
    for client, item in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), (None, "n1")]:
        turns.add(client, item)
    turns.add("b", "b2")
    turns.remove("a", "a2")
    turns.remove("c", "a3")
    assert all_of(turns) == ["a1", "b1", "n1", "a3", "b2"]


async def test_whoever_has_most_gives_way():
    turns: Turns[str] = Turns()
    for client, item in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")]:
        turns.add(client, item)
    assert not turns.would_give_way("a")
    assert turns.give_way("a") is None
    assert turns.would_give_way("b")
    assert turns.give_way("b") == "a3"
    # From now on they would only take from each other.
    assert turns.give_way("b") is None
    assert turns.give_way("c") == "a2"
    assert turns.give_way("c") is None
    assert all_of(turns) == ["a1", "b1"]


@pytest.mark.parametrize(
    ("scope", "client"),
    [
        ({"client": ("192.0.2.1", 5)}, "192.0.2.1"),
        ({"client": ("192.0.2.1", 5), "actor": {"id": "ann"}}, "actor ann"),
        ({"client": ("192.0.2.1", 5), "actor": {"name": "nobody"}}, "192.0.2.1"),
        ({"client": None}, None),
        ({}, None),
    ],
)
async def test_a_client_is_an_actor_or_an_address(scope, client):
    assert current_client() is None

    def asked():
        remember_request(Request({"type": "http", "headers": [], **scope}, None))
        return current_client()

    assert copy_context().run(asked) == client


async def test_the_addresses_of_a_network_in_ipv6_are_one_client():
    one, same, other = (
        as_client(address, current_client)
        for address in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
    )
    assert one == same != other


async def test_a_semaphore_lets_clients_in_by_turns():
    semaphore, order = FairSemaphore(), []

    async def work(name):
        async with semaphore.turn():
            order.append(name)
            await asyncio.sleep(0)

    async with semaphore.turn():
        tasks = [task_of("192.0.2.1", work(f"a{number}")) for number in range(4)]
        tasks.append(task_of("192.0.2.2", work("b0")))
        await settled()
        tasks[1].cancel()
        await settled()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["a0", "b0", "a2", "a3"]
    async with asyncio.timeout(60), semaphore.turn():
        pass


async def test_whoever_is_given_a_turn_and_leaves_passes_it_on():
    semaphore = FairSemaphore()
    holds = semaphore.turn()
    await holds.__aenter__()

    async def work():
        async with semaphore.turn():
            pass

    leaves, stays = (asyncio.create_task(work()) for _ in range(2))
    await asyncio.sleep(0)
    await holds.__aexit__(None, None, None)
    leaves.cancel()
    async with asyncio.timeout(60):
        await stays


@contextmanager
def busy(queue: Queue) -> Iterator[list[str]]:
    """Keep a queue's thread busy for the block; yield the list of what it does afterwards."""
    begun, go_on = threading.Event(), threading.Event()
    queue.submit(lambda: (begun.set(), go_on.wait(60)))
    assert begun.wait(60)
    try:
        yield []
    finally:
        go_on.set()


async def test_a_queue_takes_turns_between_clients():
    queue = Queue("pictures", 8, "too many")
    with busy(queue) as done:
        many = [as_client("192.0.2.1", queue.submit, lambda n=n: done.append(n)) for n in range(4)]
        one = as_client("192.0.2.2", queue.submit, lambda: done.append("other"))
    await asyncio.gather(*map(asyncio.wrap_future, [*many, one]))
    assert done == [0, "other", 1, 2, 3]


async def test_a_full_queue_has_room_for_another_client():
    """Eight searches of one client filled it, and everybody else was refused."""
    queue = Queue("pictures", 5, "too many")
    with busy(queue) as done:
        many = [as_client("192.0.2.1", queue.submit, lambda n=n: done.append(n)) for n in range(4)]
        with pytest.raises(BusyError, match="too many"):
            as_client("192.0.2.1", queue.check_room)
        as_client("192.0.2.2", queue.check_room)
        one = as_client("192.0.2.2", queue.submit, lambda: done.append("other"))
        with pytest.raises(BusyError, match="too many"):
            many[-1].result(0)
        assert queue.room.taken == 5
    await asyncio.gather(*map(asyncio.wrap_future, [*many[:-1], one]))
    assert done == [0, "other", 1, 2]
    assert queue.room.taken == 0


async def test_work_that_was_taken_back_gives_no_way():
    queue = Queue("pictures", 4, "too many")
    with busy(queue):
        for job in [as_client("192.0.2.1", queue.submit, print) for _ in range(3)]:
            job.cancel()
        for client in ("192.0.2.1", "192.0.2.3", "192.0.2.4"):
            as_client(client, queue.submit, lambda: None)
        with pytest.raises(BusyError):
            as_client("192.0.2.2", queue.submit, lambda: None)


async def test_results_are_computed_by_turns_and_a_full_room_takes_another_client():
    kept: Kept[str] = Kept(Queue("matrices", 9, "full"), Room(4, "too much to compute", 5), 9)
    done, go_on = [], asyncio.Event()

    def compute(name):
        async def computed(_):
            await go_on.wait()
            done.append(name)
            return name

        return kept.get(name, computed)

    many = [task_of("192.0.2.1", compute(f"a{number}")) for number in range(4)]
    await settled()
    one = task_of("192.0.2.2", compute("b"))
    await settled()
    go_on.set()
    assert await one == "b"
    assert await asyncio.gather(*many[:3]) == ["a0", "a1", "a2"]
    with pytest.raises(BusyError, match="too much to compute"):
        await many[3]
    assert done == ["a0", "a1", "b", "a2"]
    # It was refused, but it didn't fail.
    assert not kept.failed("a3")
    # And all places are free again.
    again = [task_of("192.0.2.1", compute(f"c{number}")) for number in range(4)]
    assert await asyncio.gather(*again) == ["c0", "c1", "c2", "c3"]
