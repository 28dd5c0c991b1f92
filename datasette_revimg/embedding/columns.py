"""Pictures in a column of a table, as BLOBs or as paths of files."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import RevimgError
from ..keys import Key
from ..pictures import opening
from ..pictures.files import is_inside, read_file, spelt_file, to_path
from ..pictures.opening import ImageError
from ..store import picture_column, reading
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from .jobs import PAGE, Job, refuse

# How many values to look at to find the column of pictures.
SAMPLE = 20

# Longer than a path can be on most systems.
BEGINNING = 4096


def find_column(
    conn: sqlite3.Connection,
    source: Table,
    is_picture: Callable[[bytes], bool] = opening.is_picture,
) -> tuple[str, str]:
    """Return the column that holds pictures, and its kind, ``blob`` or ``path``.

    Looks at some values of every column and prefers BLOBs to paths; ``is_picture`` reads the
    header of a BLOB. Raises RevimgError when no column holds pictures.
    """
    paths = None
    for column in source.columns:
        values = picture_column.sample(conn, source, column, SAMPLE)
        if any(isinstance(value, bytes) and is_picture(value) for value in values):
            return column, "blob"
        if paths is None and any(_looks_like_path(value) for value in values):
            paths = column
    if paths is None:
        raise RevimgError(
            f"no column of {source.name!r} holds pictures or paths of pictures "
            f"({', '.join(source.columns)}): name one with --column"
        )
    return paths, "path"


def may_hold_pictures(conn: sqlite3.Connection, source: Table) -> bool:
    """Return whether some value of the table begins like a picture, or looks like a path of one.

    No picture is opened, and of each value only the beginning is read: the question costs little,
    whoever asks it.
    """
    return any(
        opening.begins_like_picture(value) if isinstance(value, bytes) else _looks_like_path(value)
        for column in source.columns
        for value in picture_column.sample_beginnings(conn, source, column, SAMPLE, BEGINNING)
    )


def column_kind(conn: sqlite3.Connection, source: Table, column: str) -> str:
    """Return the kind of a column that the user named, ``blob`` or ``path``.

    Raises RevimgError when the table has no such column, or the column is empty.
    """
    if column not in source.columns:
        raise RevimgError(
            f"{source.name!r} has no column {column!r}; it has {', '.join(source.columns)}"
        )
    values = picture_column.sample(conn, source, column, SAMPLE)
    if not values:
        raise RevimgError(f"column {column!r} of {source.name!r} is empty; there is nothing to do")
    return "blob" if any(isinstance(value, bytes) for value in values) else "path"


def _looks_like_path(value: Any) -> bool:
    return (
        isinstance(value, str)
        and "://" not in value
        and Path(value).suffix.lower() in opening.suffixes()
    )


def check_paths(conn: sqlite3.Connection, source: Table, column: str, base: Path) -> None:
    """Raise RevimgError when no path in the column leads to a file below ``base``."""
    paths = [Path(str(value)) for value in picture_column.sample(conn, source, column, SAMPLE)]
    if any((base / path).is_file() for path in paths if is_inside(base, path)):
        return
    absolute = [path for path in paths if path.is_absolute() and not is_inside(base, path)]
    if absolute:
        folder = os.path.commonpath([path.parent for path in absolute])
        raise RevimgError(
            f"the paths in {source.name}.{column} lie outside {base}, and only files below it are "
            f"read: give their folder with --base-dir {folder}"
        )
    raise RevimgError(
        f"there is no file at {base / paths[0]}, which {source.name}.{column} refers to: use "
        "--base-dir to give the folder that its paths start from"
    )


def column_jobs(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    base: Path,
    labels: bool = False,
) -> Iterator[Job]:
    """Yield a job for every row whose picture column isn't NULL.

    ``base`` is the folder that paths are relative to. With ``labels``, a row whose picture has no
    labels yet counts as not embedded.
    """
    after: Key | None = None
    while page := picture_column.next_keys(conn, source, embedded.column_name, after, PAGE):
        yield from row_jobs(conn, source, embedded, base, page, labels)
        after = page[-1]
    for _ in range(picture_column.count(conn, source, embedded.column_name)[1]):
        yield Job((None,) * len(source.key_columns), refuse(ImageError("its primary key is NULL")))


def row_jobs(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    base: Path,
    keys: Sequence[Key],
    labels: bool = False,
) -> Iterator[Job]:
    """Yield a job for each of these rows that has a picture, as ``column_jobs``."""
    hashes = reading.finished_hashes(conn, source, keys, labels)
    for key in keys:
        value = picture_column.read(conn, source, embedded.column_name, key)
        if value is not None:
            yield Job(key, _reader(value, embedded.kind, base), hashes.get(key))


def _reader(value: Any, kind: str, base: Path) -> Callable[[], bytes]:
    """Return the function that reads the picture a column's value stands for."""
    if kind == "blob":
        if isinstance(value, bytes):
            return lambda: value
        return refuse(ImageError(f"not a BLOB but {type(value).__name__}"))
    path = to_path(value)
    if "://" in str(value):
        return refuse(ImageError("a web address; only files are read"))
    if not is_inside(base, path):
        return refuse(ImageError("its path lies outside the base folder; see --base-dir"))
    return lambda: read_file(base / spelt_file(base, path))
