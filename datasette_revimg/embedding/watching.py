"""Changes of the files and folders that a table is made from, as the system reports them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import RevimgError
from ..pictures import opening

# How often a run that has failed, because another program locked the database for example, is
# tried again.
RETRY_SECONDS = 10


def check() -> None:
    """Raise RevimgError unless the package that reports changes is installed."""
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise RevimgError(
            "--watch needs the package watchfiles: run `datasette install watchfiles`"
        ) from None


def changes(paths: Sequence[Path], database: Path) -> Iterator[bool]:
    """Yield True when something may have changed, and False every RETRY_SECONDS otherwise.

    The first is True: files may have changed since they were looked at. It ends with
    KeyboardInterrupt. ``database`` is no change, in case it lies in one of the folders.
    """
    import watchfiles

    own = os.path.realpath(database)

    def concerns(change: watchfiles.Change, path: str) -> bool:
        name = os.path.basename(path)
        if name.startswith(".") or os.path.realpath(path).startswith(own):
            return False
        # What was deleted, or moved away, may have been a folder.
        gone = change == watchfiles.Change.deleted
        suffix = os.path.splitext(name)[1].lower()
        return gone or suffix in opening.suffixes() or os.path.isdir(path)

    first = True
    for changed in watchfiles.watch(
        *paths,
        watch_filter=concerns,
        rust_timeout=RETRY_SECONDS * 1000,
        yield_on_timeout=True,
        raise_interrupt=True,
    ):
        yield bool(changed) or first
        first = False
