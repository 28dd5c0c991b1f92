"""Slow and greedy senders of forms: they end in time, and leave room for others."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from datasette.utils.asgi import Request

from datasette_revimg.web.problems import BusyError, Problem, TooManyError, problem_of
from datasette_revimg.web.requests.forms import Form, read_form
from datasette_revimg.web.work.room import Room, Shares
from kit import clock
from kit.uploads import BOUNDARY, form, part

LIMIT = 20_000_000


class Client:
    """One that sends pieces of a form, each after some seconds."""

    def __init__(self, pieces, address: str | None = "192.0.2.1") -> None:
        self._pieces = iter(pieces)
        self._address = address

    async def _receive(self) -> dict:
        seconds, body = next(self._pieces, (0, None))
        if body is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": body, "more_body": True}

    async def send(self, room: Room | None = None, shares: Shares | None = None) -> Form:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        scope = {"type": "http", "headers": [(b"content-type", kind.encode())]}
        if self._address:
            scope["client"] = (self._address, 1234)
        return await read_form(
            Request(scope, self._receive),
            LIMIT,
            room or Room(16, "too many forms", 5),
            shares or Shares(4, "too many of yours", 5),
        )


def refused_after(pieces) -> float:
    """The seconds after which a sender is refused as too slow."""

    async def refused() -> float:
        with pytest.raises(Problem, match="took too long") as caught:
            await Client(pieces).send()
        assert caught.value.status == 408
        # What it might still send is of no use, so its connection is closed.
        assert caught.value.headers["Connection"] == "close"
        return asyncio.get_running_loop().time()

    return clock.run(refused())


def drip(seconds: float):
    return ((seconds, b"\0") for _ in itertools.count())


START = part(b"")[:-2]


@pytest.mark.parametrize("seconds", [0.01, 1, 10])
def test_a_drip_is_soon_cut_off(seconds):
    """16 sockets that send a byte every 10 seconds closed search by image for 5 minutes."""
    assert refused_after([(0, START), *itertools.islice(drip(seconds), 1000)]) < 6


def test_silence_is_cut_off():
    assert refused_after([(1e6, b"")]) < 6
    # Nor may one who has sent much be silent for long.
    assert refused_after([(0, START + bytes(5_000_000)), (1e6, b"")]) < 16


def test_a_quick_start_is_worth_some_time_only():
    """At 20 kB a second, a megabyte is worth 50 seconds, after 5 that everybody gets."""
    pieces = itertools.chain([(0, START + bytes(1_000_000))], drip(1))
    assert 54 < refused_after(pieces) < 57


def test_a_slow_phone_is_not_cut_off():
    """Two megabytes at 25 kB a second, after 4 seconds without anything."""

    async def sent() -> tuple[Form, float]:
        pieces = [(4, START), *[(1, bytes(25_000))] * 80, (0, b"\r\n" + form())]
        received = await Client(pieces).send()
        return received, asyncio.get_running_loop().time()

    received, seconds = clock.run(sent())
    assert received.picture == bytes(2_000_000)
    assert seconds == 84


WHOLE = [(3, form(part(b"picture")))]


def test_a_client_has_its_share_of_the_room():
    async def check() -> None:
        room, shares = Room(6, "too many forms", 5), Shares(4, "too many of yours", 7)
        greedy = [asyncio.create_task(Client(WHOLE).send(room, shares)) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyError, match="too many of yours") as caught:
            await Client(WHOLE).send(room, shares)
        problem = problem_of(caught.value)
        assert problem.status == 429
        assert problem.headers == {"Retry-After": "7"}
        others = [
            asyncio.create_task(Client(WHOLE, address).send(room, shares))
            for address in ("192.0.2.2", "2001:db8::1")
        ]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="too many forms"):
            await Client(WHOLE, "192.0.2.3").send(room, shares)
        received = await asyncio.gather(*greedy, *others)
        assert {each.picture for each in received} == {b"picture"}
        assert room.taken == 0
        await asyncio.gather(*(Client(WHOLE).send(room, shares) for _ in range(4)))

    clock.run(check())


@pytest.mark.parametrize(
    ("addresses", "shared"),
    [
        # A network of 64 bits belongs to one client, which may take any address of it.
        (["2001:db8::1", "2001:db8::2"], True),
        (["2001:db8::1", "2001:db8:0:1::1"], False),
        # An IPv4 address as servers that listen to both see it.
        (["192.0.2.1", "::ffff:192.0.2.1"], True),
        (["::ffff:192.0.2.1", "::ffff:192.0.2.2"], False),
        # A server behind a socket file doesn't know its clients.
        ([None, None], False),
    ],
)
def test_whose_share_it_is(addresses, shared):
    shares = Shares(1, "busy", 5)
    first, second = addresses

    def twice() -> None:
        with shares.place(first), shares.place(second):
            pass

    if shared:
        with pytest.raises(TooManyError):
            twice()
    else:
        twice()
    # And all of it was given back.
    with shares.place(first):
        pass
