"""Forms with one picture in them, read from a request: in memory, and never more than allowed.

Datasette 0.65 has no parser for such forms, and that of 1.0 writes large files to disk.
(RFC 7578, "Returning Values from Forms: multipart/form-data".)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from datasette.utils.asgi import Request
from multipart import (
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from ..current import client_address
from ..problems import Problem, TooLargeError
from ..work.room import Room, Shares

FIELD = "image"

# Room for what a form has beside the picture: other fields, the boundaries, the parts' headers.
OTHER_BYTES = 65_536
MAX_PARTS = 50

# For 20 MB over a slow phone.
SECONDS = 300.0

# Without anything arriving.
IDLE_SECONDS = 15.0

# A form arrives at this rate at least, on average from the first byte on, with a lead of some
# seconds: each that is being sent takes the place of another one.
LEAST_RATE = 20_000
LEAD_SECONDS = 5.0


@dataclass(frozen=True)
class Form:
    """The picture's bytes, and the other fields as names and texts, in their order."""

    picture: bytes
    fields: list[tuple[str, str]]


async def read_form(request: Request, limit: int, room: Room, shares: Shares) -> Form:
    """Read the form in a request's body, whose picture may have up to ``limit`` bytes.

    Forms are held in memory, so each takes a place in ``room``, of which each client has its
    share. Raises BusyError when none is free, TooManyError when the client has all of its share,
    TooLargeError as soon as there is more than is allowed, and Problem: 400 for any other form
    than one with exactly one file, called ``image``, 408 when it takes too long.
    """
    with shares.place(client_address(request)), room.place():
        try:
            async with asyncio.timeout(SECONDS):
                return await _read_form(request, limit)
        except TimeoutError as error:
            # Or the rest would go on arriving for as long as the sender likes.
            headers = {"Connection": "close"}
            raise Problem(408, "the picture took too long to arrive", headers=headers) from error


async def _read_form(request: Request, limit: int) -> Form:
    kind, options = parse_options_header(request.headers.get("content-type") or "")
    boundary = options.get("boundary")
    if kind != "multipart/form-data" or not boundary:
        raise Problem(400, f"send the picture as multipart/form-data, in the field {FIELD!r}")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit + OTHER_BYTES:
        raise _too_large(limit)
    parser = _FormParser(boundary, limit)
    async for chunk in _body(request.receive, limit):
        parser.feed(chunk)
    if not parser.finish():
        raise _incomplete()
    return _one_picture(parser.parts)


async def _body(
    receive: Callable[[], Awaitable[dict[str, Any]]], limit: int
) -> AsyncIterator[bytes]:
    """Yield the request's body as it arrives.

    Raises TooLargeError once it is too long, TimeoutError when it arrives too slowly.
    """
    total = 0
    more = True
    clock = asyncio.get_running_loop().time
    begun = clock()
    while more:
        due = begun + LEAD_SECONDS + total / LEAST_RATE
        async with asyncio.timeout_at(min(due, clock() + IDLE_SECONDS)):
            message = await receive()
        if message["type"] == "http.disconnect":
            raise _incomplete()
        chunk = message.get("body", b"")
        total += len(chunk)
        if total > limit + OTHER_BYTES:
            raise _too_large(limit)
        yield chunk
        more = message.get("more_body", False)


def _incomplete() -> Problem:
    return Problem(400, "the picture didn’t arrive whole; send it again")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the file is larger than {megabytes(limit)}, which is the limit here")


def megabytes(count: int) -> str:
    """Return a number of bytes for people to read."""
    return f"{count / 1e6:,.1f} MB".replace(".0 ", " ") if count >= 1e5 else f"{count:,} bytes"


@dataclass
class _Part:
    name: str
    filename: str | None
    data: bytearray = field(default_factory=bytearray)


class _FormParser:
    """Collects the parts of a form, chunk by chunk."""

    def __init__(self, boundary: str, limit: int) -> None:
        self.parts: list[_Part] = []
        self._limit = limit
        self._others = 0
        try:
            # Names are decoded by us: they may be anything, and only one of them matters.
            self._parser = PushMultipartParser(
                boundary.encode("latin-1"), header_charset="latin-1", strict=True
            )
        except MultipartError as error:
            raise _damaged() from error

    def finish(self) -> bool:
        """End the parsing; return whether the form has arrived whole."""
        try:
            self._parser.close()
        except MultipartError:
            return False
        return True

    def feed(self, chunk: bytes) -> None:
        """Parse a chunk. Raises Problem 400 for a damaged form, TooLargeError for its picture."""
        # An empty chunk would mean the end.
        if not chunk:
            return
        try:
            for event in self._parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event:
                    self._add(event)
        except MultipartError as error:
            # Anything may follow the end of the form.
            if not self.finish():
                raise _damaged() from error

    def _begin(self, segment: MultipartSegment) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise Problem(400, f"the form has more than {MAX_PARTS} fields")
        name = (segment.name or "").encode("latin-1").decode(errors="replace")
        self.parts.append(_Part(name, segment.filename))

    def _add(self, data: bytes) -> None:
        part = self.parts[-1]
        part.data += data
        if part.filename is not None:
            if len(part.data) > self._limit:
                raise _too_large(self._limit)
            return
        self._others += len(data)
        if self._others > OTHER_BYTES:
            raise Problem(400, "the fields beside the picture are too long")


def _damaged() -> Problem:
    return Problem(400, "the form is damaged: it is not valid multipart/form-data")


def _one_picture(parts: list[_Part]) -> Form:
    """Return the one picture and the fields. Raises Problem 400 for anything else."""
    files = [part for part in parts if part.filename is not None]
    # A browser sends an empty file for a field in which nothing was chosen.
    if all(not part.filename and not part.data for part in files):
        if any(part.name == FIELD and part.filename is None for part in parts):
            raise Problem(400, f"the field {FIELD!r} must be a file, not text")
        raise Problem(400, f"there is no picture: choose one, it goes in the field {FIELD!r}")
    if len(files) > 1:
        raise Problem(400, f"there are {len(files)} files: send one picture at a time")
    (file,) = files
    if file.name != FIELD:
        raise Problem(400, f"the picture must be in the field {FIELD!r}, not {file.name!r}")
    if not file.data:
        raise Problem(400, "the file is empty: choose a picture")
    fields = [
        (part.name, part.data.decode(errors="replace")) for part in parts if part.filename is None
    ]
    return Form(bytes(file.data), fields)
