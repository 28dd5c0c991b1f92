"""Where installed networks lie: made in a folder of their own, then moved into place at once."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ..catalogue import FOLDER_MODE, INT8_RECORD, RECORD, Installed, installed, models_dir


@dataclass(frozen=True)
class Kind:
    """A kind of network, of which one is installed: its record's name, how its files' begin."""

    record: str
    prefix: str


FLOAT = Kind(RECORD, "vgg16-")
INT8 = Kind(INT8_RECORD, "int8-vgg16-")


@contextmanager
def workshop() -> Iterator[Path]:
    """Open a folder in the folder of models to make networks in; it is deleted in the end."""
    folder = models_dir()
    folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as made:
        yield Path(made)


def put_in_place(kind: Kind, record: Installed, made: Path, files: Mapping[str, str]) -> None:
    """Move what was made in a workshop into place, and delete what was installed before.

    ``files`` maps the networks' names in the workshop ``made`` to those they get.
    """
    folder = models_dir()
    for name, final in files.items():
        os.replace(made / name, folder / final)
    written = made / kind.record
    written.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    os.replace(written, folder / kind.record)
    _delete_networks(kind, keep=files.values())


def remove(kind: Kind) -> Installed | None:
    """Delete the installed network; return its record, None if there was none."""
    record = installed(record_name=kind.record)
    (models_dir() / kind.record).unlink(missing_ok=True)
    _delete_networks(kind)
    return record


def _delete_networks(kind: Kind, keep: Collection[str] = ()) -> None:
    for file in models_dir().glob(f"{kind.prefix}*.onnx"):
        if file.name not in keep:
            file.unlink(missing_ok=True)
