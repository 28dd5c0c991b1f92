"""A row's original picture, which its thumbnail and its vector were made from."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from ..errors import NoPictureError, OutsideFolderError, PictureGoneError
from ..keys import Key
from ..pictures.files import is_inside, read_file, resolve_inside, to_path
from ..pictures.opening import ImageError
from ..store import picture_column, reading
from ..store.registry import EmbeddedTable
from ..store.tables import Table


def read_original(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, base: Path | None, key: Key
) -> bytes:
    """Return the bytes of the picture of the row with this key, as its table has it now.

    They are the BLOB, or the file at the row's path below ``base``, the folder that the table's
    paths are relative to (see ``base.base_folder``; None where files may not be read). Nothing
    outside that folder is read, and no link that leads out of it is followed. Only the very file
    that the row's vector was made from is returned: a path in a row is whatever somebody has
    written there, and neither what it leads to nor whether there is anything may show.

    Raises NoPictureError, PictureGoneError or OutsideFolderError.
    """
    name = ", ".join(map(str, key))
    value = picture_column.read(conn, source, embedded.column_name, key)
    if isinstance(value, bytes) and embedded.kind == "blob":
        return value
    if value is None or embedded.kind == "blob":
        raise NoPictureError(f"row {name} of {source.name} has no picture")
    if base is None:
        raise NoPictureError(
            f"the picture of row {name} is a file, and its folder is neither below the database’s "
            "own nor named in the configuration (base_dirs)"
        )
    path = to_path(value)
    if not is_inside(base, path):
        raise OutsideFolderError(f"the file of row {name} lies outside the folder of the pictures")
    expected = reading.hashes(conn, source, [key]).get(tuple(key))
    data = _read(base, path) if expected else None
    if data is None or hashlib.sha256(data).digest() != expected:
        raise PictureGoneError(
            f"the picture of row {name} can’t be shown: its file was moved, deleted or changed "
            "since it was embedded"
        )
    return data


def _read(base: Path, path: Path) -> bytes | None:
    file = resolve_inside(base, path)
    try:
        return read_file(file) if file else None
    except ImageError:
        return None
