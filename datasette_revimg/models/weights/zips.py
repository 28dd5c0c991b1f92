"""Zip files whose members are stored uncompressed, as Keras and torch write them."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import WeightsError
from .tensors import Span

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SIGNATURE = b"PK\x03\x04"
LOCAL_HEADER = struct.Struct("<4s22xHH")

# Raised by the standard library for damaged and strange zips.
ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OverflowError,
    zlib.error,
)


def members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the zip's members by name; WeightsError when its directory can't be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.filename: info for info in archive.infolist()}
    except ERRORS as error:
        raise WeightsError("the zip file is damaged or truncated") from error


def span(path: Path, info: zipfile.ZipInfo) -> Span:
    """Return where the member's bytes lie, to read them in place; WeightsError if they can't be."""
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise WeightsError(f"{info.filename} is compressed or encrypted inside the zip file")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(LOCAL_HEADER.size)
    if len(header) != LOCAL_HEADER.size or not header.startswith(SIGNATURE):
        raise WeightsError(f"the zip file is damaged at {info.filename}")
    # The local header's extra field differs from the directory's: torch pads with it.
    _, name, extra = LOCAL_HEADER.unpack(header)
    offset = info.header_offset + LOCAL_HEADER.size + name + extra
    if offset + info.file_size > path.stat().st_size:
        raise WeightsError(f"the zip file is truncated: it ends before {info.filename} does")
    return Span(path, offset, info.file_size)


class SpanFile(io.RawIOBase):
    """A part of a file that reads as if it were a file of its own."""

    def __init__(self, part: Span) -> None:
        self._part = part
        self._position = 0
        self._file = part.path.open("rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origins = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._part.size}
        self._position = origins[whence] + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._part.size - self._position))
        self._file.seek(self._part.offset + self._position)
        read = self._file.readinto(view[:count])
        self._position += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
