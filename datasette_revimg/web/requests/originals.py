"""The original pictures of rows. Their files may never answer, and that must cost nobody else."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Sequence

from ...embedding.originals import OriginalFile, find_original
from ...keys import Key
from ..problems import BusyError
from ..work.agreement import Original
from ..work.state import state_of
from .place import Place
from .reading import read

# For 500 MB from a disk; a network share that is gone may hold a thread for ever.
FILE_SECONDS = 20.0

_RETRY_SECONDS = 60


async def read_originals(
    place: Place, find: Callable[[sqlite3.Connection], Sequence[Key]]
) -> list[Original]:
    """Return the original pictures of the rows whose keys ``find`` returns.

    Files are read in threads of their own, no longer than FILE_SECONDS each. Raises BusyError when
    one takes longer or too many do, and the errors of ``read_original`` and ``find``.
    """

    def located(conn: sqlite3.Connection) -> list[Original | tuple[Key, OriginalFile]]:
        return [_located(conn, place, key) for key in find(conn)]

    return [
        each if isinstance(each, Original) else await _read_file(place, *each)
        for each in await read(place.db, located)
    ]


def _located(
    conn: sqlite3.Connection, place: Place, key: Key
) -> Original | tuple[Key, OriginalFile]:
    found = find_original(conn, place.source, place.embedded, key)
    if isinstance(found, bytes):
        return Original(key, found, hashlib.sha256(found).digest())
    return key, found


async def _read_file(place: Place, key: Key, file: OriginalFile) -> Original:
    try:
        async with asyncio.timeout(FILE_SECONDS):
            data = await state_of(place.datasette).files.run(lambda: file.read(place.base))
    except TimeoutError:
        raise BusyError(
            f"the file of row {file.row} did not arrive within {FILE_SECONDS:g} seconds: its disk "
            "or network share may be gone; try again later",
            _RETRY_SECONDS,
        ) from None
    # Without a digest it is not read.
    assert file.digest
    return Original(key, data, file.digest)
