"""Files beside a download, opened without following a link that somebody else has put there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO, Any

from ...errors import RevimgError


class LinkError(RevimgError):
    """There is a link where a file of ours belongs."""


def open_file(path: Path, mode: str, **options: Any) -> IO[Any]:
    """Open a file as ``open`` does. Raises LinkError when it is a symbolic link."""
    check_file(path)
    try:
        return open(path, mode, opener=_without_links, **options)
    except OSError as error:
        # It has become one since then.
        if error.errno == errno.ELOOP:
            raise LinkError(_sentence(path)) from error
        raise


def check_file(path: Path) -> None:
    """Raise LinkError when there is a symbolic link at the path."""
    if path.is_symlink():
        raise LinkError(_sentence(path))


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _sentence(path: Path) -> str:
    return f"{path} is a link to another file, which could be overwritten: delete it"
