"""Pictures in files and folders, and the table that is made from them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import RevimgError
from ..keys import Key
from ..pictures import opening
from ..pictures.files import read_file
from ..store import file_table, reading, tables
from ..store.tables import Table
from .jobs import PAGE, Job, refuse


def picture_files(paths: Sequence[Path]) -> list[Path]:
    """List the pictures among files and, recursively, folders: absolute, sorted, each once.

    In folders, pictures are recognised by their suffix; a file given by itself is taken whatever
    its suffix. Raises RevimgError for a path that doesn't exist, and when there is no picture.
    """
    names: set[str] = set()
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(absolute):
            names.update(_pictures_below(absolute))
        elif os.path.exists(absolute):
            names.add(absolute)
        else:
            raise RevimgError(f"{path}: there is no such file or folder")
    if not names:
        places = ", ".join(str(path) for path in paths)
        raise RevimgError(f"no pictures in {places} (looked for {', '.join(opening.formats())})")
    return [Path(name) for name in sorted(names)]


def _pictures_below(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(parent, name) for name in names if _is_candidate(name))


def _is_candidate(name: str) -> bool:
    # Files with a leading dot belong to other programs: macOS writes ._photo.jpg.
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in opening.suffixes()


def common_folder(paths: Sequence[Path]) -> Path:
    """Return the deepest folder that contains all of the given files and folders.

    Raises RevimgError when they are on different drives.
    """
    folders = [os.path.abspath(path if path.is_dir() else path.parent) for path in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        raise RevimgError(
            "the paths are on different drives: embed the pictures of each drive into a table of "
            "its own"
        ) from error


def missing_files(
    conn: sqlite3.Connection,
    source: Table,
    files: Sequence[Path],
    paths: Sequence[Path],
    base: Path,
) -> list[Key]:
    """Return the keys of rows whose file was below one of the folders in ``paths`` and is gone."""
    present = {relative(file, base) for file in files}
    prefixes = [
        "" if folder == "." else f"{folder}/"
        for folder in (relative(path, base) for path in paths if path.is_dir())
    ]
    return [
        (path,)
        for (path,) in tables.live_keys(conn, source)
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
    """Yield a job for every file.

    ``base`` is the folder that the table's paths are relative to. With ``labels``, a picture that
    has no labels yet counts as not embedded.
    """
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
        return Job(key, refuse(f"can't be read: {error.strerror}"), content_hash)
    mtime = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat()
    row = {"path": key[0], "name": _utf8(file.name), "size": stat.st_size, "mtime": mtime}
    untouched = False
    if content_hash is not None:
        recorded = file_table.recorded(conn, source, key[0], with_content=keep_content)
        untouched = recorded == (stat.st_size, mtime, 0)
    return Job(key, lambda: read_file(file), content_hash, row, keep_content, untouched)


def relative(file: Path, base: Path) -> str:
    """Return a file's path relative to ``base``, with forward slashes, as SQLite can store it."""
    return _utf8(Path(os.path.relpath(os.path.abspath(file), base)).as_posix())


def _utf8(name: str) -> str:
    """Spell out bytes that aren't UTF-8, which Linux allows in file names."""
    return name.encode(errors="backslashreplace").decode()
