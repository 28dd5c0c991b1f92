"""Files that were moved or renamed: the same bytes under another path."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ..keys import Key
from ..pictures.files import read_file
from ..pictures.opening import ImageError
from ..store import file_table, reading
from ..store.tables import Table
from .folders import relative


def find_moved(
    conn: sqlite3.Connection, source: Table, gone: Sequence[Key], files: Sequence[Path], base: Path
) -> dict[str, str]:
    """Return the old and the new path of rows whose file is gone and is now elsewhere.

    ``gone`` are the keys of these rows, ``files`` all that are there, below ``base``. A file
    without a row is read if it has the size of one that is gone; that it is the same is decided by
    the SHA-256 of its bytes. Of several equal ones, a file that has kept its name comes first.
    """
    hashes = reading.hashes(conn, source, gone) if gone else {}
    sizes = file_table.sizes(conn, source, list(hashes))
    lost: dict[bytes, list[str]] = defaultdict(list)
    for key, content_hash in hashes.items():
        lost[content_hash].append(key[0])
    known = set(file_table.paths(conn, source)) if hashes else set()
    found: dict[bytes, list[str]] = defaultdict(list)
    for file in files if hashes else ():
        path = relative(file, base)
        if path not in known and _size(file) in sizes and (digest := _hash(file)) in lost:
            found[digest].append(path)
    moved: dict[str, str] = {}
    for digest, paths in found.items():
        moved |= _paired(lost[digest], paths)
    return moved


def _paired(old: list[str], new: list[str]) -> dict[str, str]:
    """Return which of the new paths each of the old ones has become, as far as there are any."""
    pairs = {}
    for by_name in (True, False):
        for path in list(new):
            match = next((each for each in old if not by_name or _name(each) == _name(path)), None)
            if match is not None:
                pairs[match] = path
                old.remove(match)
                new.remove(path)
    return pairs


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _hash(file: Path) -> bytes | None:
    try:
        return hashlib.sha256(read_file(file)).digest()
    except ImageError:
        # It fails again, and is named, when it is to be embedded.
        return None
