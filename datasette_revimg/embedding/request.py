"""A request to embed, as the command line and the Python function make it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Pictures per run of the network and per transaction.
BATCH_SIZE = 8


@dataclass(frozen=True)
class EmbedRequest:
    """A request to embed the pictures of a table, or those in files and folders.

    Without ``paths``, the pictures of an existing ``table`` are embedded: those in ``column``, or
    in the column that is detected. With ``paths``, the table is made from these files and folders,
    and ``keep_content`` also stores the files' bytes in it. ``base_dir`` is the folder that the
    table's paths are relative to. ``model_name`` is a built-in model's name or the path of an
    .onnx file; ``labels`` also stores the five best of ImageNet's classes of each picture.

    ``device`` is one of ``devices.DEVICES``, ``threads`` the most processor threads to use
    (None: as many as suit the machine), ``batch_size`` the pictures per run of the network and
    per transaction, ``limit`` how many pictures to embed at most. ``start_over`` discards the
    table's vectors first. ``isolate`` decodes the pictures in processes of its own, for pictures
    that strangers made. ``whiten`` whitens the table's vectors in the end, unless they are.
    """

    database: Path
    table: str
    paths: tuple[Path, ...] = ()
    column: str | None = None
    model_name: str | None = None
    base_dir: Path | None = None
    keep_content: bool = False
    labels: bool = False
    device: str = "auto"
    threads: int | None = None
    batch_size: int = BATCH_SIZE
    limit: int | None = None
    start_over: bool = False
    isolate: bool = False
    whiten: bool = False
