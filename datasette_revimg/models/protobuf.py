"""Protocol buffers' wire format: enough to find and to write tensors in ONNX and Caffe files.

The libraries would copy a 553 MB message into memory as a whole, and Caffe's needs its schema.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import RevimgError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}

# The largest number that a field can have. ONNX Runtime drops the bits beyond a key's 32: a
# field that is none here would be another one there.
_LAST_FIELD = 2**29 - 1

# Numbers that are not packed have a key each. No graph of a network has as many nodes, and a
# hostile file is given up after seconds.
FIELD_LIMIT = 1_000_000


class ProtobufError(RevimgError):
    """The bytes are no whole message; the error doesn't name the file."""


class Field(NamedTuple):
    """A field: its number, its wire type, and its value (VARINT) or where its bytes lie."""

    number: int
    wire: int
    value: int
    start: int
    stop: int


@dataclass(frozen=True)
class Message:
    """A message between two offsets of a file."""

    data: mmap.mmap | bytes
    start: int
    stop: int

    def fields(self) -> Iterator[Field]:
        """Yield the fields in the order of the file; ProtobufError where one isn't whole."""
        position = self.start
        for _ in range(FIELD_LIMIT):
            if position == self.stop:
                return
            field = self._field(position)
            yield field
            position = field.stop
        raise ProtobufError("a message in it has too many fields; its numbers are not packed")

    def messages(self, number: int) -> Iterator[Message]:
        """Yield the messages in the fields of this number."""
        return (
            Message(self.data, field.start, field.stop)
            for field in self.fields()
            if (field.number, field.wire) == (number, BYTES)
        )

    def texts(self, number: int) -> list[str]:
        """Return the strings in the fields of this number."""
        return [part.raw().decode("utf-8", "replace") for part in self.messages(number)]

    def integers(self, number: int) -> list[int]:
        """Return the integers in the fields of this number, packed or one by one.

        They are unsigned: a negative int64 reads as 2**64 more.
        """
        values = []
        for field in self.fields():
            if field.number == number and field.wire == VARINT:
                values.append(field.value)
            elif field.number == number and field.wire == BYTES:
                position = field.start
                while position < field.stop and len(values) < FIELD_LIMIT:
                    value, position = self._varint(position)
                    values.append(value)
        return values

    def raw(self) -> bytes:
        """Return the message's bytes."""
        return self.data[self.start : self.stop]

    def key(self, position: int) -> tuple[int, int]:
        """Return the number and the wire type of the field at an offset of the file."""
        key, _ = self._varint(position)
        return key >> 3, key & 7

    def _field(self, position: int) -> Field:
        number, wire = self.key(position)
        if not 0 < number <= _LAST_FIELD:
            raise ProtobufError("a message in it is damaged")
        _, position = self._varint(position)
        if wire == VARINT:
            value, stop = self._varint(position)
            return Field(number, wire, value, position, stop)
        if wire == BYTES:
            size, position = self._varint(position)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise ProtobufError("a message in it is damaged")
        if position + size > self.stop:
            raise ProtobufError("the file is truncated: it ends inside a message")
        return Field(number, wire, 0, position, position + size)

    def _varint(self, position: int) -> tuple[int, int]:
        value = 0
        for index in range(10):
            if position + index >= self.stop:
                raise ProtobufError("the file is truncated: it ends inside a number")
            byte = self.data[position + index]
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value, position + index + 1
        raise ProtobufError("a number in it is damaged")


@contextmanager
def open_message(file: Path) -> Iterator[Message]:
    """Open a file that is one message, without reading it into memory.

    Raises OSError when it can't be read.
    """
    with file.open("rb") as stream:
        if not file.stat().st_size:
            yield Message(b"", 0, 0)
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield Message(data, 0, len(data))


def inner(messages: list[Message], number: int) -> list[Message]:
    """Return the messages in the fields of this number of all the messages.

    A field that should be there once may come in several pieces, which readers merge.
    """
    return [piece for message in messages for piece in message.messages(number)]


def field_header(number: int, size: int) -> bytes:
    """Return the bytes that precede the ``size`` bytes of a string, a message or packed numbers."""
    return _encoded_varint(number << 3 | BYTES) + _encoded_varint(size)


def number_field(number: int, value: int) -> bytes:
    """Return the field of an integer that isn't negative."""
    return _encoded_varint(number << 3 | VARINT) + _encoded_varint(value)


def _encoded_varint(number: int) -> bytes:
    """Encode in base 128, least significant group first; the high bit says that more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
