"""A row's original picture, which its thumbnail and its vector were made from."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ..errors import NoPictureError, OutsideFolderError, PictureGoneError
from ..keys import Key
from ..pictures.files import is_inside, read_file, resolve_inside, to_path
from ..pictures.opening import ImageError
from ..store import picture_column, reading
from ..store.registry import EmbeddedTable
from ..store.tables import Table


@dataclass(frozen=True)
class OriginalFile:
    """The file of a row's original picture, by its path in the table.

    ``row`` is the row's key in words, ``digest`` the SHA-256 of the file that the row's vector was
    made from; None where the row has no vector.
    """

    row: str
    path: Path
    digest: bytes | None

    def read(self, base: Path | None) -> bytes:
        """Return the file's bytes; its path starts at ``base``, as in ``read_original``.

        Raises NoPictureError, PictureGoneError or OutsideFolderError.
        """
        if base is None:
            raise NoPictureError(
                f"the picture of row {self.row} is a file, and its folder is neither below the "
                "database’s own nor named in the configuration (base_dirs)"
            )
        if not is_inside(base, self.path):
            raise OutsideFolderError(
                f"the file of row {self.row} lies outside the folder of the pictures"
            )
        data = _read(base, self.path) if self.digest else None
        if data is None or hashlib.sha256(data).digest() != self.digest:
            raise PictureGoneError(
                f"the picture of row {self.row} can’t be shown: its file was moved, deleted or "
                "changed since it was embedded"
            )
        return data


def find_original(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, key: Key
) -> bytes | OriginalFile:
    """Return the picture of the row with this key, as its table has it now: a BLOB, or its file.

    The file is not looked at. Raises NoPictureError.
    """
    name = ", ".join(map(str, key))
    value = picture_column.read(conn, source, embedded.column_name, key)
    if isinstance(value, bytes) and embedded.kind == "blob":
        return value
    if value is None or embedded.kind == "blob":
        raise NoPictureError(f"row {name} of {source.name} has no picture")
    digest = reading.hashes(conn, source, [key]).get(tuple(key))
    return OriginalFile(name, to_path(value), digest)


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
    original = find_original(conn, source, embedded, key)
    return original if isinstance(original, bytes) else original.read(base)


def _read(base: Path, path: Path) -> bytes | None:
    file = resolve_inside(base, path)
    try:
        return read_file(file) if file else None
    except ImageError:
        return None
