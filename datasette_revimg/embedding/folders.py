"""Pictures in files and folders, and the table that is made from them."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..errors import RevimgError
from ..keys import Key
from ..pictures import opening
from ..pictures.files import MissingError, read_file, spell_out
from ..pictures.kinds import kind_of_unreadable, skipped_sentence
from ..store import file_table, reading
from ..store.tables import Table
from .interruptible import interruptible
from .jobs import PAGE, Job, refuse

# How long the sizes and times of PAGE files may take to come.
STAT_SECONDS = 120.0

_SAME_NAME = (
    "its name is not valid UTF-8, and another file has the name that stands for it: rename one"
)


@dataclass(frozen=True)
class Listing:
    """The pictures in the files and folders of a request.

    ``pictures`` are absolute, sorted, each once. ``unreadable`` are folders that can't be listed,
    with the reason: what is below them is unknown, not gone. ``skipped`` counts the pictures in
    formats that can't be read here, by kind.
    """

    pictures: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


def find_pictures(paths: Sequence[Path]) -> Listing:
    """Find the pictures among files and, recursively, in folders.

    In folders, pictures are recognised by their suffix; a file given by itself is taken whatever
    its suffix. Raises RevimgError for a path that doesn't exist, and when there is no picture.
    """
    names: set[str] = set()
    listing = Listing()
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(absolute):
            names.update(_pictures_below(absolute, listing))
        elif os.path.exists(absolute):
            names.add(absolute)
        else:
            raise RevimgError(f"{path}: there is no such file or folder")
    if not names:
        raise RevimgError(_no_pictures(paths, listing))
    listing.pictures.extend(Path(name) for name in sorted(names))
    return listing


def _pictures_below(folder: str, listing: Listing) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        listing.unreadable[Path(error.filename)] = error.strerror or str(error)

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            # Files with a leading dot belong to other programs: macOS writes ._photo.jpg.
            if name.startswith("."):
                continue
            suffix = os.path.splitext(name)[1].lower()
            if suffix in opening.suffixes():
                yield os.path.join(parent, name)
            elif kind := kind_of_unreadable(suffix):
                listing.skipped[kind] += 1


def _no_pictures(paths: Sequence[Path], listing: Listing) -> str:
    sentence = f"no pictures in {', '.join(map(str, paths))}"
    if listing.unreadable:
        folder, reason = next(iter(listing.unreadable.items()))
        return f"{sentence}: {folder} can't be read, {reason}"
    if listing.skipped:
        skipped = (skipped_sentence(kind, count) for kind, count in listing.skipped.most_common())
        return f"{sentence} that can be read: {'; '.join(skipped)}"
    return f"{sentence} (looked for {', '.join(opening.formats())})"


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
    conn: sqlite3.Connection, source: Table, listing: Listing, paths: Sequence[Path], base: Path
) -> list[Key]:
    """Return the keys of rows whose file was below one of the folders in ``paths`` and is gone.

    What was below a folder that can't be listed now may still be there.
    """
    present = {relative(file, base) for file in listing.pictures}
    searched = _prefixes((path for path in paths if path.is_dir()), base)
    unknown = _prefixes(listing.unreadable, base)
    return [
        (path,)
        for path in file_table.paths(conn, source)
        if path not in present and path.startswith(searched) and not path.startswith(unknown)
    ]


def _prefixes(folders: Iterable[Path], base: Path) -> tuple[str, ...]:
    """Return what the paths of files in these folders begin with."""
    relatives = [relative(folder, base) for folder in folders]
    return tuple("" if folder == "." else f"{folder}/" for folder in relatives)


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
    has no labels yet counts as not embedded. Raises RevimgError when the file system doesn't
    answer.
    """
    for start in range(0, len(files), PAGE):
        page = files[start : start + PAGE]
        keys: list[Key] = [(relative(file, base),) for file in page]
        hashes = reading.finished_hashes(conn, source, keys, labels)
        for file, key, stat in zip(page, keys, _stats(page), strict=True):
            yield _file_job(conn, source, file, key, stat, hashes.get(key), keep_content)


def _stats(files: Sequence[Path]) -> list[os.stat_result | OSError]:
    """Return the size and times of files, or why they can't be read.

    Raises RevimgError when they don't come within STAT_SECONDS.
    """
    found: list[os.stat_result | OSError] = []

    def look() -> None:
        for file in files:
            try:
                found.append(file.stat())
            except OSError as error:
                found.append(error)

    try:
        interruptible(look, STAT_SECONDS)
    except TimeoutError:
        raise RevimgError(
            f"{files[len(found)]} can't be read: its disk or network share doesn't answer. What "
            "was finished is kept"
        ) from None
    return found


def _file_job(
    conn: sqlite3.Connection,
    source: Table,
    file: Path,
    key: Key,
    stat: os.stat_result | OSError,
    content_hash: bytes | None,
    keep_content: bool,
) -> Job:
    if isinstance(stat, OSError):
        # As when reading fails: what was stored for it is still as good as it was.
        return Job(key, refuse(MissingError(f"can't be read: {stat.strerror}")), content_hash)
    mtime = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat()
    if str(file) != spell_out(str(file)) and file.with_name(spell_out(file.name)).exists():
        return Job(key, refuse(MissingError(_SAME_NAME)), content_hash)
    name = spell_out(file.name)
    row = {"path": key[0], "name": name, "size": stat.st_size, "mtime": mtime}
    untouched = False
    if content_hash is not None:
        recorded = file_table.recorded(conn, source, key[0], with_content=keep_content)
        untouched = recorded == (stat.st_size, mtime, 0)
    return Job(key, lambda: read_file(file), content_hash, row, keep_content, untouched)


def relative(file: Path, base: Path) -> str:
    """Return a file's path relative to ``base``, with forward slashes, as SQLite can store it."""
    text, below = str(file), os.path.join(base, "")
    # Called for every file of perhaps 100,000, and the general way below is many times slower.
    if text.startswith(below) and f"{os.sep}{os.pardir}" not in text:
        return spell_out(text.removeprefix(below).replace(os.sep, "/"))
    return spell_out(Path(os.path.relpath(os.path.abspath(file), base)).as_posix())
