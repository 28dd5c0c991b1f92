"""A row's original picture, which its thumbnail and its vector were made from."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ..errors import NoPictureError, OutsideFolderError, PictureGoneError, UnusablePictureError
from ..keys import Key
from ..pictures.files import MissingError, read_file, resolve_inside, to_path
from ..pictures.opening import ImageError
from ..store import picture_column
from ..store.registry import EmbeddedTable
from ..store.tables import Table


def read_original(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, base: Path | None, key: Key
) -> bytes:
    """Return the bytes of the picture of the row with this key, as its table has it now.

    They are the BLOB, or the file at the row's path below ``base``, the folder that the table's
    paths are relative to (see ``base.base_folder``; None for a database without a file). Nothing
    outside that folder is read, and no link that leads out of it is followed. The picture may
    have changed since it was embedded.

    Raises NoPictureError, PictureGoneError, OutsideFolderError or UnusablePictureError.
    """
    name = ", ".join(map(str, key))
    value = picture_column.read(conn, source, embedded.column_name, key)
    if isinstance(value, bytes) and embedded.kind == "blob":
        return value
    if value is None or embedded.kind == "blob":
        raise NoPictureError(f"row {name} of {source.name} has no picture")
    if base is None:
        raise NoPictureError(f"the picture of row {name} is a file, and the database has no folder")
    file = resolve_inside(base, to_path(value))
    if file is None:
        raise OutsideFolderError(f"the file of row {name} lies outside the folder of the pictures")
    try:
        return read_file(file)
    except MissingError as error:
        raise PictureGoneError(
            f"the picture of row {name} can’t be read; its file was moved or deleted: {error}",
        ) from error
    except ImageError as error:
        raise UnusablePictureError(f"the picture of row {name} can’t be used: {error}") from error
