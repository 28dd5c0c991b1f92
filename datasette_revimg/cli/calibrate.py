"""``datasette revimg calibrate``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..duplicates.calibrate import Tools
from ..duplicates.calibrate import calibrate as run
from ..embedding.base import base_folder
from ..embedding.choice import load_network, table_model
from ..embedding.originals import read_original
from ..errors import RevimgError
from ..keys import Key
from ..models.batches import encode_shapes
from ..pictures.quiet import silence_pillow, silent_libraries
from ..store import registry, tables
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import RATES, Calibration, needed
from .bars import Bars
from .options import DATABASE, model_option, network_options, open_database
from .printable import printable


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@model_option
@network_options
@click.option("-s", "--silent", is_flag=True, help="Show no progress bar.")
def calibrate(database: Path, table: str, silent: bool, **network: Any) -> None:
    """Work out what a score means in TABLE: how alike copies are, and how alike chance is.

    Some of its pictures are cropped, turned, compressed and so on, and embedded; others are
    compared with their nearest neighbours. The result is kept in the database. `duplicates` does
    this by itself where it is missing; do it again when the collection has become another one.

    Example:

    \b
        datasette revimg calibrate photos.db photos
    """
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        calibration = run_calibration(
            conn, database, tables.find(conn, embedded.table_name), embedded, silent, **network
        )
    click.echo(report(printable(embedded.table_name), calibration))


def run_calibration(
    conn: sqlite3.Connection,
    database: Path,
    source: Table,
    embedded: EmbeddedTable,
    silent: bool,
    model_name: str | None,
    device: str,
    threads: int | None,
) -> Calibration:
    """Calibrate a table under a progress bar, with its own model."""
    tools = load_tools(conn, database, source, embedded, model_name, device, threads)
    silence_pillow()
    with silent_libraries(), Bars(silent) as bars:

        def on_step(step: str, done: int, total: int) -> None:
            bars.show(f"Calibrating {source.name}, {step}", done, total)

        return run(conn, source, embedded, tools, on_step)


def load_tools(
    conn: sqlite3.Connection,
    database: Path,
    source: Table,
    embedded: EmbeddedTable,
    model_name: str | None,
    device: str,
    threads: int | None,
) -> Tools:
    """Return what reads a table's pictures and embeds edits of them with its own model."""
    network = load_network(table_model(conn, embedded, model_name), device, threads, batch_size=2)
    read = original_reader(conn, database, source, embedded)

    def embed(pictures: Sequence[np.ndarray]) -> np.ndarray:
        return encode_shapes(network.encode, pictures).vectors

    return Tools(read=read, embed=embed, size=network.size)


def original_reader(
    conn: sqlite3.Connection, database: Path, source: Table, embedded: EmbeddedTable
) -> Any:
    """Return a function that reads a row's picture: its bytes, None when it is gone."""
    base = base_folder(database, embedded)

    def read(key: Key) -> bytes | None:
        try:
            return read_original(conn, source, embedded, base, key)
        except RevimgError:
            return None

    return read


def report(table: str, calibration: Calibration) -> str:
    """Return what a calibration says, in lines of at most 80 characters."""
    count = len(calibration.chance)
    lines = [
        f"{table}: calibrated with the nearest neighbours of {count:,} pictures, and with",
        f"{len(calibration.copies)} edits of {_edited(calibration):,}",
    ]
    lowest = {tier: calibration.threshold(tier) for tier in RATES}
    for tier, rate in RATES.items():
        score = lowest[tier]
        promise = f"at most 1 in {round(1 / rate):,} pictures without a copy"
        if score is None:
            lines.append(
                f"  {tier:<12}  not told here: that needs {needed(tier):,} different pictures"
            )
        else:
            lines.append(f"  {tier:<12}  score {score:.3f} or more: {promise}")
    usable = [tier for tier in RATES if lowest[tier] is not None]
    lines += ["", f"{'copies that were …':<24}" + "".join(f"{tier:>14}" for tier in usable)]
    for edit in calibration.copies:
        shares = (calibration.found(lowest[tier] or 0, edit) for tier in usable)
        lines.append(f"  {edit:<22}" + "".join(f"{share:>13.0%} " for share in shares))
    return "\n".join(line.rstrip() for line in lines)


def _edited(calibration: Calibration) -> int:
    return max((len(scores) for scores in calibration.copies.values()), default=0)
