"""Protocol buffers' wire format: just enough to find tensors in ONNX and Caffe files.

The libraries would copy all of a 553 MB message into memory, and Caffe's needs its schema.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ....errors import WeightsError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}

# A field has a key of its own unless it is packed; numbers that are not would be millions.
FIELD_LIMIT = 100_000


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

    data: mmap.mmap
    start: int
    stop: int

    def fields(self) -> Iterator[Field]:
        """The fields in the order of the file; WeightsError where one isn't whole."""
        position = self.start
        for _ in range(FIELD_LIMIT):
            if position == self.stop:
                return
            field = self._field(position)
            yield field
            position = field.stop
        raise WeightsError("a message in it has too many fields; its numbers are not packed")

    def messages(self, number: int) -> Iterator[Message]:
        """The messages in the fields of this number."""
        return (
            Message(self.data, field.start, field.stop)
            for field in self.fields()
            if (field.number, field.wire) == (number, BYTES)
        )

    def texts(self, number: int) -> list[str]:
        """The strings in the fields of this number."""
        return [part.raw().decode("utf-8", "replace") for part in self.messages(number)]

    def integers(self, number: int) -> list[int]:
        """The integers in the fields of this number, packed or one by one."""
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
        """The message's bytes."""
        return self.data[self.start : self.stop]

    def key(self, position: int) -> tuple[int, int]:
        """The number and the wire type of the field at an offset of the file."""
        key, _ = self._varint(position)
        return key >> 3, key & 7

    def _field(self, position: int) -> Field:
        number, wire = self.key(position)
        _, position = self._varint(position)
        if wire == VARINT:
            value, stop = self._varint(position)
            return Field(number, wire, value, position, stop)
        if wire == BYTES:
            size, position = self._varint(position)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise WeightsError("a message in it is damaged")
        if position + size > self.stop:
            raise WeightsError("the file is truncated: it ends inside a message")
        return Field(number, wire, 0, position, position + size)

    def _varint(self, position: int) -> tuple[int, int]:
        value = 0
        for index in range(10):
            if position + index >= self.stop:
                raise WeightsError("the file is truncated: it ends inside a number")
            byte = self.data[position + index]
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value, position + index + 1
        raise WeightsError("a number in it is damaged")
