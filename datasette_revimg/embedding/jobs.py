"""Where pictures come from: a column of BLOBs, a column of paths, or files and folders.

Each becomes an iterator of jobs, a page of keys at a time, so that a million pictures need no
more memory than a hundred.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import RevimgError
from ..keys import Key
from ..pictures import decoding
from ..pictures.decoding import ImageError
from ..pictures.files import is_inside, read_file, to_path
from ..store import file_table, reading, tables
from ..store.registry import EmbeddedTable
from ..store.tables import Table

# Keys per page, and values that are looked at to find the column of pictures.
PAGE = 500
SAMPLE = 20


@dataclass(frozen=True)
class Job:
    """One row to embed.

    ``read`` returns the picture's bytes, or raises ImageError. ``content_hash`` is that of the
    picture its stored vector was made of. ``row`` holds what a table made from files keeps of a
    file; ``keep_content`` puts the bytes beside it; ``untouched`` says that the file has the
    size and the time it had when it was embedded.
    """

    key: Key
    read: Callable[[], bytes]
    content_hash: bytes | None = None
    row: dict[str, Any] = field(default_factory=dict)
    keep_content: bool = False
    untouched: bool = False


def find_column(conn: sqlite3.Connection, source: Table) -> tuple[str, str]:
    """The column that holds pictures, and its kind, ``blob`` or ``path``.

    Looks at some values of every column; BLOBs win over paths. RevimgError when there is none.
    """
    paths = None
    for column in source.columns:
        values = tables.sample(conn, source, column, SAMPLE)
        if any(isinstance(value, bytes) and decoding.is_picture(value) for value in values):
            return column, "blob"
        if paths is None and any(_looks_like_path(value) for value in values):
            paths = column
    if paths is None:
        raise RevimgError(
            f"no column of {source.name!r} holds pictures or paths of pictures "
            f"({', '.join(source.columns)}): name one with --column"
        )
    return paths, "path"


def column_kind(conn: sqlite3.Connection, source: Table, column: str) -> str:
    """The kind of a column that the user has named. RevimgError when it isn't there, or empty."""
    if column not in source.columns:
        raise RevimgError(
            f"{source.name!r} has no column {column!r}; it has {', '.join(source.columns)}"
        )
    values = tables.sample(conn, source, column, SAMPLE)
    if not values:
        raise RevimgError(f"column {column!r} of {source.name!r} is empty, there is nothing to do")
    return "blob" if any(isinstance(value, bytes) for value in values) else "path"


def _looks_like_path(value: Any) -> bool:
    return (
        isinstance(value, str)
        and "://" not in value
        and Path(value).suffix.lower() in decoding.suffixes()
    )


def check_paths(conn: sqlite3.Connection, source: Table, column: str, base: Path) -> None:
    """RevimgError, with the way out, when no path in the column leads to a file below ``base``."""
    paths = [Path(str(value)) for value in tables.sample(conn, source, column, SAMPLE)]
    if any((base / path).is_file() for path in paths if is_inside(base, path)):
        return
    absolute = [path for path in paths if path.is_absolute() and not is_inside(base, path)]
    if absolute:
        folder = os.path.commonpath([path.parent for path in absolute])
        raise RevimgError(
            f"the paths in {source.name}.{column} lie outside {base}, and no others are read: "
            f"give their folder, --base-dir {folder}"
        )
    raise RevimgError(
        f"no file is at {base / paths[0]}, as {source.name}.{column} says: give the folder that "
        "its paths start from with --base-dir"
    )


def column_jobs(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    base: Path,
    labels: bool = False,
) -> Iterator[Job]:
    """A job for every row that has something in the table's picture column.

    With ``labels``, a row that has none counts as not embedded yet; so for files.
    """
    after: Key | None = None
    while page := tables.pictures(conn, source, embedded.column_name, after, PAGE):
        hashes = reading.hashes(conn, source, page, labels)
        for key in page:
            value = tables.picture(conn, source, embedded.column_name, key)
            if value is not None:
                yield Job(key, _reader(value, embedded.kind, base), hashes.get(key))
        after = page[-1]
    for _ in range(tables.count_pictures(conn, source, embedded.column_name)[1]):
        yield Job((None,) * len(source.key_columns), _refuse("its primary key is NULL"))


def _reader(value: Any, kind: str, base: Path) -> Callable[[], bytes]:
    if kind == "blob":
        if isinstance(value, bytes):
            return lambda: value
        return _refuse(f"not a BLOB but {type(value).__name__}")
    path = to_path(value)
    if "://" in str(value):
        return _refuse("a web address, and only files are read")
    if not is_inside(base, path):
        return _refuse("its path lies outside the base folder, see --base-dir")
    return lambda: read_file(base / path)


def _refuse(reason: str) -> Callable[[], bytes]:
    def read() -> bytes:
        raise ImageError(reason)

    return read


def picture_files(paths: Sequence[Path]) -> list[Path]:
    """The pictures among files and, recursively, folders: absolute, sorted, each once.

    A file that is named itself is taken whatever its ending. RevimgError for a path that isn't
    there, and when there is no picture at all.
    """
    found: set[str] = set()
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(absolute):
            for folder, folders, names in os.walk(absolute):
                folders[:] = [name for name in folders if not name.startswith(".")]
                found.update(os.path.join(folder, name) for name in names if _is_candidate(name))
        elif os.path.exists(absolute):
            found.add(absolute)
        else:
            raise RevimgError(f"{path}: there is no such file or folder")
    if not found:
        named = ", ".join(str(path) for path in paths)
        raise RevimgError(f"no pictures in {named} (looked for {', '.join(decoding.formats())})")
    return [Path(name) for name in sorted(found)]


def _is_candidate(name: str) -> bool:
    # Names with a leading dot are other programs' business: macOS writes ._photo.jpg.
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in decoding.suffixes()


def common_folder(paths: Sequence[Path]) -> Path:
    """The folder that all of the given files and folders lie in."""
    folders = [os.path.abspath(path if path.is_dir() else path.parent) for path in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        raise RevimgError(
            "the paths are on different drives: embed each drive's into a table of its own"
        ) from error


def missing_files(
    conn: sqlite3.Connection,
    source: Table,
    files: Sequence[Path],
    paths: Sequence[Path],
    base: Path,
) -> list[Key]:
    """The keys of rows whose file was below one of the folders ``paths`` and is gone."""
    present = {relative(file, base) for file in files}
    prefixes = [
        "" if folder == "." else f"{folder}/"
        for folder in (relative(path, base) for path in paths if path.is_dir())
    ]
    return [
        (path,)
        for (path,) in reading.live_keys(conn, source)
        if path not in present and any(path.startswith(prefix) for prefix in prefixes)
    ]


def file_jobs(
    conn: sqlite3.Connection,
    source: Table,
    files: Sequence[Path],
    base: Path,
    keep_content: bool,
    labels: bool = False,
) -> Iterator[Job]:
    """A job for every file."""
    for start in range(0, len(files), PAGE):
        page = files[start : start + PAGE]
        keys: list[Key] = [(relative(file, base),) for file in page]
        hashes = reading.hashes(conn, source, keys, labels)
        for file, key in zip(page, keys, strict=True):
            yield _file_job(conn, source, file, key, hashes.get(key), keep_content)


def _file_job(
    conn: sqlite3.Connection,
    source: Table,
    file: Path,
    key: Key,
    content_hash: bytes | None,
    keep_content: bool,
) -> Job:
    try:
        stat = file.stat()
    except OSError as error:
        return Job(key, _refuse(f"can't be read: {error.strerror}"), content_hash)
    mtime = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat()
    row = {"path": key[0], "name": _utf8(file.name), "size": stat.st_size, "mtime": mtime}
    untouched = False
    if content_hash is not None:
        recorded = file_table.recorded(conn, source, key[0], with_content=keep_content)
        untouched = recorded == (stat.st_size, mtime, 0)
    return Job(key, lambda: read_file(file), content_hash, row, keep_content, untouched)


def relative(file: Path, base: Path) -> str:
    """The file's path below ``base``, with forward slashes, as text that SQLite can hold."""
    return _utf8(Path(os.path.relpath(os.path.abspath(file), base)).as_posix())


def _utf8(name: str) -> str:
    """The name, with bytes that aren't UTF-8, which Linux allows in file names, spelt out."""
    return name.encode(errors="backslashreplace").decode()
