"""``datasette revimg duplicates --against``: the pictures of one table that are in another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..duplicates.against import FoundAgainst, Side, find_against
from ..duplicates.calibrate import is_due
from ..errors import RevimgError
from ..keys import json_value, row_path
from ..store import calibrations, connection, reading, registry, tables
from ..vectors.calibration import RATES, Calibration
from . import listing
from .bars import stoppable_bars
from .duplicates_output import Outcome, Printing, listed
from .formats import csv_text, json_text
from .options import naming_where
from .threshold import DuplicatesOptions, lowest_score, table_calibration


@contextmanager
def open_other(here: Side, database: Path, table: str, file: Path | None) -> Iterator[Side]:
    """Open the table to compare with, in the same database or in another file.

    Nothing is written to another file. RevimgError when both are one table.
    """
    if file is None or (file.exists() and os.path.samefile(file, database)):
        other = registry.require_embedded(here.conn, table)
        if other == here.embedded:
            raise RevimgError(
                f"--against names {table!r} itself: leave it out to compare the table's own rows"
            )
        yield Side(here.conn, tables.find(here.conn, other.table_name), other)
        return
    with connection.opened(file, writable=False) as conn:
        other = registry.require_embedded(conn, table)
        yield Side(conn, tables.find(conn, other.table_name), other)


def check_options(
    against_db: Path | None, against: str | None, keep_best: bool, orientations: bool
) -> None:
    """Raise UsageError for options that don't go with each other."""
    if against_db is not None and against is None:
        raise click.UsageError("--against-db goes with --against")
    if against is not None and keep_best:
        raise click.UsageError("--keep-best is about groups, and --against makes none")
    if against is not None and orientations:
        raise click.UsageError(
            "--orientations compares the rows of one table, not --against another"
        )


def compare_with(
    database: Path,
    here: Side,
    table: str,
    file: Path | None,
    chosen: DuplicatesOptions,
    printing: Printing,
) -> Outcome:
    """Find the rows of a table that are in another one."""
    with open_other(here, database, table, file) as there:
        here.embedded.check_same_model(there.embedded)
        vouching, calibration = _calibration(database, here, there, chosen, file)
        minimum, tier = lowest_score(
            here.conn,
            here.source,
            calibration,
            chosen,
            (there.conn, there.source),
            vouching.source,
        )
        with stoppable_bars(chosen.silent, {}) as bars, naming_where(chosen.where):
            on_done = partial(bars.show, f"Comparing {here.source.name}")
            found = find_against(here, there, minimum, calibration, chosen.where, on_done)
    if printing.only_list:
        printed = listed((row.key for row in found.rows), database, here, printing.end)
    else:
        printed = formatted(found, there, printing.output)
    said = summary(found, here, there, minimum, tier, vouching)
    return Outcome(printed, said, bool(found.rows))


def _calibration(
    database: Path, here: Side, there: Side, chosen: DuplicatesOptions, file: Path | None
) -> tuple[Side, Calibration | None]:
    """Return the larger table, which knows most of what chance does, and its calibration.

    The more pictures there are to be compared with, the better the best by chance: so the larger
    table's thresholds hold for both. RevimgError when a tier needs it, and it is in another file
    without one.
    """
    larger = max(here, there, key=lambda side: reading.count_vectors(side.conn, side.source))
    if larger.conn is here.conn:
        return larger, table_calibration(
            here.conn, database, larger.source, larger.embedded, chosen
        )
    calibration = calibrations.read(there.conn, there.embedded)
    if chosen.needs_calibration and is_due(there.conn, there.source, calibration):
        raise RevimgError(
            f"{there.source.name!r} in {file} isn't calibrated with the pictures that it has now: "
            f"run `datasette revimg calibrate` with it, or use --min or --tier same-file"
        )
    return larger, calibration


def formatted(found: FoundAgainst, there: Side, output: str) -> str:
    """Return the rows with their matches as ``output`` says: table, json or csv."""
    if output == "json":
        rows = [
            {
                **_named(row.key),
                "matches": [
                    {**_named(match.key), "score": round(match.score, 6), "tier": match.tier}
                    for match in row.matches
                ],
            }
            for row in found.rows
        ]
        return json_text(rows)
    if output == "csv":
        lines = [
            {
                "row": row_path(row.key),
                "score": round(match.score, 6),
                "tier": match.tier,
                "match": row_path(match.key),
            }
            for row in found.rows
            for match in row.matches
        ]
        return csv_text(lines, ("row", "score", "tier", "match"))
    if not found.rows:
        return "no duplicates\n"
    lines = [
        {
            "row": ", ".join(map(str, row.key)),
            f"in {there.source.name}": ", ".join(map(str, match.key)),
            "score": match.score,
            "tier": match.tier,
        }
        for row in found.rows
        for match in row.matches
    ]
    printed, _ = listing.listing(lines, listing.terminal_width())
    return printed + "\n"


def summary(
    found: FoundAgainst,
    here: Side,
    there: Side,
    minimum: float | None,
    tier: str | None,
    vouching: Side,
) -> str:
    """Return one sentence on what was found, and how sure it is.

    ``vouching`` is the table whose calibration was used.
    """
    said = (
        f"{here.source.name}: {len(found.rows):,} rows are in {there.source.name}; "
        f"{found.pictures:,} pictures compared with {found.others:,}"
    )
    if minimum is None:
        return f"{said}, the same file only"
    said += f", score {minimum:.3f} or more"
    if found.plain:
        said += f"; {found.plain:,} rows are blank or almost of one colour and were left out"
    if tier:
        said += (
            f"; {tier}: at most 1 in {round(1 / RATES[tier]):,} pictures without a copy there has "
            f"any, if they are like those of {vouching.source.name}"
        )
    return said


def _named(key: tuple[Any, ...]) -> dict[str, Any]:
    return {"row": row_path(key), "key": list(map(json_value, key))}
