"""Keep Pillow, and the C libraries under it, from writing what our own messages report.

Their lines name no file: nobody could tell which picture they are about.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_STANDARD_ERROR = 2


def silence_pillow() -> None:
    """Ignore Pillow's warnings, and keep its log out of a program that has set up none."""
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def silent_libraries() -> Iterator[None]:
    """Send what C libraries print nowhere, libtiff's warnings for example.

    They write to the descriptor of the standard error; ``sys.stderr`` gets another one meanwhile.
    """
    ours = sys.stderr
    try:
        if ours.fileno() != _STANDARD_ERROR:
            raise ValueError
    except (AttributeError, OSError, ValueError):
        # Something else stands in for it, and has a way of its own.
        yield
        return
    ours.flush()
    kept = os.dup(_STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    os.close(nowhere)
    sys.stderr = os.fdopen(
        os.dup(kept), "w", buffering=1, encoding=ours.encoding, errors=ours.errors
    )
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = ours
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
