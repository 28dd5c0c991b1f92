"""Read one picture's file, for paths that somebody else wrote: never outside a folder."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from .opening import ImageError

# A file is read whole; the largest picture that opening.MAX_PIXELS admits, uncompressed.
MAX_FILE_BYTES = 1 << 29


class MissingError(ImageError):
    """The file can't be read now; what was stored for it is still as good as it was."""


# How a byte that is no UTF-8 is spelt out: Python's surrogate for it, as an escape.
_SPELT = re.compile(r"\\udc([89a-f][0-9a-f])")


def spell_out(name: str) -> str:
    """Write a file's name as text that SQLite can hold: Linux allows any bytes in a name."""
    return name.encode(errors="backslashreplace").decode()


def spelt_file(base: Path, path: Path) -> Path:
    """Return the path below ``base`` of a file whose name may have been spelt out."""
    text = str(path)
    if "\\udc" in text and not (base / path).exists():
        return Path(_SPELT.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), text))
    return path


def to_path(value: object) -> Path:
    """Return the path that a table's column holds, as text or as its UTF-8 bytes."""
    return Path(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def is_inside(base: Path, path: Path) -> bool:
    """Return whether base/path stays below base by its name; links are not followed."""
    return Path(os.path.normpath(base / path)).is_relative_to(os.path.normpath(base))


def resolve_inside(base: Path, path: Path) -> Path | None:
    """Return the file at base/path, links followed: None if it isn't below base.

    The path must stay below base by its name too. Reading the returned path reads the file that
    was checked, even if a link on the way to it is changed meanwhile.
    """
    if not is_inside(base, path):
        return None
    path = spelt_file(base, path)
    try:
        file = Path(os.path.realpath(base / path))
        return file if file.is_relative_to(os.path.realpath(base)) else None
    except ValueError:
        # No file system has a NUL in a name.
        return None


def read_file(file: Path) -> bytes:
    """Return the bytes of a regular file of at most MAX_FILE_BYTES.

    Raises MissingError when it can't be read now, ImageError when it is too large; neither
    message names the path, which not everyone who sees the message may know.
    """
    try:
        # Not opened: that alone may have effects on a device.
        if not file.is_file():
            raise MissingError("no such file" if not file.exists() else "not a file")
        with open(file, "rb", opener=_open_at_once) as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise MissingError("not a file")
            if status.st_size > MAX_FILE_BYTES:
                raise ImageError(f"too large: more than {MAX_FILE_BYTES >> 20} MB")
            return opened.read()
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise MissingError(f"can't be read: {reason}") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting, should a pipe have taken the file's place meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
