"""A form with one picture in it, read from a request: in memory, and never more than allowed.

Datasette 0.65 has no parser of such forms, and that of 1.0 writes large files to disk.
(RFC 7578, "Returning Values from Forms: multipart/form-data".)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from datasette.utils.asgi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from ..problems import Problem

FIELD = "image"

# Room for what a form has beside the picture: other fields, the boundaries, the parts' headers.
OTHER_BYTES = 65_536
MAX_PARTS = 50

# For 20 MB over a slow phone.
SECONDS = 300.0

# Without anything arriving.
IDLE_SECONDS = 15.0

# Forms that are read at the same time, each in memory.
MAX_FORMS = 16
RETRY_SECONDS = 5

_reading = 0


@dataclass(frozen=True)
class Form:
    """The picture's bytes, and the other fields as names and texts, in their order."""

    picture: bytes
    fields: list[tuple[str, str]]


@dataclass
class _Part:
    name: str
    is_file: bool
    filename: str
    data: bytearray


async def read_form(request: Request, limit: int) -> Form:
    """The form in the request's body, whose picture may have up to ``limit`` bytes.

    Raises Problem: 413 as soon as there is more, 400 for any other form than one with exactly
    one file, called ``image``, 408 when it takes too long, 503 when too many come at once.
    """
    global _reading
    if _reading >= MAX_FORMS:
        raise Problem(
            503,
            "too many pictures are being sent at the moment, try again in some seconds",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    _reading += 1
    try:
        async with asyncio.timeout(SECONDS):
            return await _read_form(request, limit)
    except TimeoutError as error:
        raise Problem(408, "the picture took too long to arrive") from error
    finally:
        _reading -= 1


async def _read_form(request: Request, limit: int) -> Form:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Problem(400, f"send the picture as multipart/form-data, in the field {FIELD!r}")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit + OTHER_BYTES:
        raise _too_large(limit)
    parts = _Parts(limit)
    try:
        parser = MultipartParser(boundary, parts.callbacks)
        async for chunk in _body(request.receive, limit):
            parser.write(chunk)
    except MultipartParseError as error:
        raise Problem(400, "the form is damaged: it is no multipart/form-data") from error
    if not parts.complete:
        raise Problem(400, "the picture didn’t arrive whole, send it again")
    return parts.form()


async def _body(
    receive: Callable[[], Awaitable[dict[str, Any]]], limit: int
) -> AsyncIterator[bytes]:
    """The request's body as it arrives. Problem 413 once it is too long for the picture."""
    total = 0
    more = True
    while more:
        async with asyncio.timeout(IDLE_SECONDS):
            message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the picture didn’t arrive whole, send it again")
        chunk = message.get("body", b"")
        total += len(chunk)
        if total > limit + OTHER_BYTES:
            raise _too_large(limit)
        yield chunk
        more = message.get("more_body", False)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the file is larger than {megabytes(limit)}, which is the limit here")


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:,.1f} MB".replace(".0 ", " ") if count >= 1e5 else f"{count:,} bytes"


class _Parts:
    """Collects the parts of a form from the parser's callbacks."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[_Part] = []
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._others = 0
        self.complete = False
        self.callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def form(self) -> Form:
        """The one picture and the fields. Problem 400 for anything but one picture."""
        files = [part for part in self._parts if part.is_file]
        pictures = [part for part in files if part.name == FIELD]
        # What a browser sends of a field in which nothing was chosen.
        if not files or all(not part.filename and not part.data for part in files):
            if any(part.name == FIELD and not part.is_file for part in self._parts):
                raise Problem(400, f"the field {FIELD!r} must be a file, not a text")
            raise Problem(400, f"there is no picture: choose one, it goes in the field {FIELD!r}")
        if len(files) > 1:
            raise Problem(400, f"there are {len(files)} files: send one picture at a time")
        if not pictures:
            raise Problem(400, f"the picture must be in the field {FIELD!r}, not {files[0].name!r}")
        if not pictures[0].data:
            raise Problem(400, "the file is empty: choose a picture")
        fields = [
            (part.name, part.data.decode(errors="replace"))
            for part in self._parts
            if not part.is_file
        ]
        return Form(bytes(pictures[0].data), fields)

    def _begin(self) -> None:
        self._headers = {}
        self._name, self._value = b"", b""
        if len(self._parts) >= MAX_PARTS:
            raise Problem(400, f"the form has more than {MAX_PARTS} fields")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"").decode(errors="replace")
        filename = options.get(b"filename")
        self._parts.append(
            _Part(
                name,
                filename is not None,
                (filename or b"").decode(errors="replace"),
                bytearray(),
            )
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        part.data += data[start:end]
        if part.is_file and len(part.data) > self._limit:
            raise _too_large(self._limit)
        if not part.is_file:
            self._others += end - start
            if self._others > OTHER_BYTES:
                raise Problem(400, "the fields beside the picture are too long")

    def _end(self) -> None:
        self.complete = True
