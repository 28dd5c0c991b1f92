"""One picture to embed, and how its bytes are read.

``columns`` and ``folders`` yield the jobs, a page of keys at a time, so that a million pictures
need no more memory than a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..keys import Key
from ..pictures.opening import ImageError

# Keys per page.
PAGE = 500


@dataclass(frozen=True)
class Job:
    """One row to embed.

    ``read`` returns the picture's bytes, or raises ImageError. ``content_hash`` is the SHA-256 of
    the picture that the stored vector was made from. In a table made from files, ``row`` holds
    the file's columns, ``keep_content`` adds its bytes, and ``untouched`` is true when size and
    modification time are those recorded when the file was embedded.
    """

    key: Key
    read: Callable[[], bytes]
    content_hash: bytes | None = None
    row: dict[str, Any] = field(default_factory=dict)
    keep_content: bool = False
    untouched: bool = False


def refuse(error: ImageError) -> Callable[[], bytes]:
    """Return a job's ``read`` for a picture that can't be read: it raises the error."""

    def read() -> bytes:
        raise error

    return read
