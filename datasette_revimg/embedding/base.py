"""The folder that a table's paths are relative to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import RevimgError
from ..store.registry import EmbeddedTable
from .folders import common_folder


def base_folder(database: Path, embedded: EmbeddedTable) -> Path:
    """Return the folder that a table's paths are relative to; by default the database's own."""
    return Path(os.path.normpath(database.absolute().parent / (embedded.base_dir or "")))


def stored_base(database: Path, base: Path) -> str:
    """Return the base folder as the database records it: relative to the database's own folder.

    This way both can move together, and no home folder's name is published with the database. The
    path is absolute only when the two are on different drives.
    """
    try:
        return Path(os.path.relpath(base, database.absolute().parent)).as_posix()
    except ValueError:
        return os.path.abspath(base)


def base_of_files(
    database: Path, recorded: EmbeddedTable | None, paths: Sequence[Path], base_dir: Path | None
) -> Path:
    """Return the base folder for a table made from the files and folders in ``paths``.

    That is ``base_dir`` if given, else the recorded one, else the deepest folder that contains
    them all. Raises RevimgError when it doesn't contain both ``paths`` and the recorded folder.
    """
    common = common_folder(paths)
    if not recorded:
        base = Path(os.path.abspath(base_dir)) if base_dir else common
    else:
        old = base_folder(database, recorded)
        base = Path(os.path.abspath(base_dir)) if base_dir else old
        if not old.is_relative_to(base):
            raise RevimgError(
                f"{recorded.table_name!r} keeps its paths below {old}, which is not in {base}: "
                "give a --base-dir that contains both"
            )
    if not common.is_relative_to(base):
        both = Path(os.path.commonpath([common, base]))
        raise RevimgError(
            f"{common} is not below {base}, where the table's paths start: give --base-dir {both} "
            "to let them start there, or choose another table"
        )
    return base
