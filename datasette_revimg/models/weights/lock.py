"""A lock file: of all programs that want it, one has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .no_links import open_file


class LockedError(Exception):
    """Another program has the lock."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, which is removed at the end; LockedError if it is taken.

    The system takes the lock from a program that ends, however it ends.
    """
    with open_file(path, "ab") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have removed the file after it was opened here.
            if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                raise BlockingIOError
        except (BlockingIOError, PermissionError, FileNotFoundError) as error:
            raise LockedError from error
        try:
            yield
        finally:
            if sys.platform == "win32":
                file.close()  # open files can't be removed there
            with suppress(OSError):
                path.unlink()
