"""What is known of a picture besides its vector: its file, and whether it holds enough to tell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from .plain import is_plain


@dataclass(frozen=True)
class Identity:
    """A picture's file and its look.

    ``content_hash`` is the SHA-256 of its file and ``thumbnail`` a WebP, None where it isn't known.
    """

    content_hash: bytes | None
    thumbnail: bytes | None

    @cached_property
    def plain(self) -> bool:
        """Whether the picture is blank or almost of one colour; false if that isn't known."""
        return self.thumbnail is not None and is_plain(self.thumbnail)


def of_file(content: bytes, thumbnail: bytes) -> Identity:
    """Return the identity of a picture whose file has this content."""
    return Identity(hashlib.sha256(content).digest(), thumbnail)
