"""A row's own picture, whole: what its thumbnail and its vector were made of."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ..errors import Problem
from ..keys import Key
from ..pictures.decoding import ImageError
from ..store import tables
from ..store.tables import Source
from ..store.writing import Embedded
from . import jobs as sources
from .jobs import MissingError


def read_original(
    conn: sqlite3.Connection, source: Source, entry: Embedded, base: Path | None, key: Key
) -> bytes:
    """The bytes of the picture of the row with this key, as its table has it.

    From the BLOB, or from the file at its path below ``base``, the folder that the table's paths
    start from (see embedding.base_folder; None for a database without a file), and from nowhere
    else: a link that leads out of that folder is not followed. What is read may have changed
    since it was embedded.

    Raises Problem: 404 when the row has no picture, 410 when its file is gone, 403 when it lies
    outside the folder.
    """
    name = ", ".join(map(str, key))
    value = tables.picture(conn, source, entry.column_name, key)
    if isinstance(value, bytes) and entry.kind == "blob":
        return value
    if value is None or entry.kind == "blob":
        raise Problem(404, f"row {name} of {source.name} has no picture")
    if base is None:
        raise Problem(404, f"the picture of row {name} is a file, and the database has no folder")
    file = _served_file(base, sources.path_of(value))
    if file is None:
        raise Problem(403, f"the file of row {name} lies outside the folder of the pictures")
    try:
        return sources.read_file(file)
    except MissingError as error:
        raise Problem(
            410,
            f"the picture of row {name} can’t be read, its file was moved or deleted: {error}",
        ) from error
    except ImageError as error:
        raise Problem(422, f"the picture of row {name} can’t be used: {error}") from error


def _served_file(base: Path, path: Path) -> Path | None:
    """The file at base/path, None when that isn't below base, by name or through links."""
    if not sources.is_inside(base, path):
        return None
    try:
        # The file that was checked is the one that is read.
        file = Path(os.path.realpath(base / path))
        return file if file.is_relative_to(os.path.realpath(base)) else None
    except ValueError:
        # No file system has a NUL in a name.
        return None
