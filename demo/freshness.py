"""A record of what files were built from, so that they are built again only when that changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import PIL

import datasette_revimg
from datasette_revimg.errors import RevimgError
from datasette_revimg.models.catalogue import default_model

RECORD = "built.json"
SOURCES = (Path(__file__).parent, Path(datasette_revimg.__file__).parent)


def is_current(folder: Path, names: Sequence[str]) -> bool:
    """Return whether the files are as they were built, from what they would be built from now."""
    try:
        recorded = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return bool(recorded == _record(folder, names)) and not _leftovers(folder, names)
    except (OSError, ValueError, RevimgError):
        return False


def install(new: Path, folder: Path, names: Sequence[str]) -> None:
    """Move the files from the folder ``new`` to ``folder``, and record what they were made from.

    The record goes first and comes last: without it nothing counts as built.
    """
    (new / RECORD).write_text(json.dumps(_record(new, names), indent=1), encoding="utf-8")
    (folder / RECORD).unlink(missing_ok=True)
    for leftover in _leftovers(folder, names):
        leftover.unlink()
    for name in (*names, RECORD):
        os.replace(new / name, folder / name)


def _record(folder: Path, names: Sequence[str]) -> dict[str, str]:
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    return {"built from": _ingredients(), **files}


def _ingredients() -> str:
    """Return a checksum of the code that draws and embeds, and of the model."""
    digest = hashlib.sha256(json.dumps([PIL.__version__, *default_model().identity]).encode())
    for folder in SOURCES:
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{file.relative_to(folder)}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _leftovers(folder: Path, names: Sequence[str]) -> list[Path]:
    """List SQLite's journals: of an interrupted write, they would change a new database too."""
    return [file for name in names for file in folder.glob(f"{name}-*")]
