"""``datasette revimg duplicates``."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..duplicates.calibrate import is_due
from ..duplicates.find import Found, find_duplicates
from ..embedding.base import base_folder
from ..errors import RevimgError, TooFewPicturesError
from ..keys import typed_keys
from ..store import calibrations, distributions, reading, registry, tables
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import EDITED_COPY, RATES, SAME_FILE, SIMILAR, TIERS, Calibration
from ..vectors.percentiles import Minimum
from .calibrate import original_reader, run_calibration
from .duplicates_output import formatted, listed, summary
from .options import (
    DATABASE,
    format_option,
    minimum_option,
    model_option,
    naming_where,
    network_options,
    open_database,
    where_option,
)
from .printable import printable

# Exit status of --fail, when there are duplicates.
FOUND = 3

# As they are typed.
_TIERS = {tier.replace(" ", "-"): tier for tier in TIERS}


@dataclass(frozen=True)
class DuplicatesOptions:
    """Which rows to compare, and how similar duplicates are."""

    tier: str | None
    minimum: Minimum | None
    like: tuple[str, str] | None
    where: str
    silent: bool
    model_name: str | None
    device: str
    threads: int | None

    def check(self) -> None:
        """Raise UsageError when more than one option says how similar duplicates are."""
        if sum(option is not None for option in (self.tier, self.minimum, self.like)) > 1:
            raise click.UsageError("--tier, --min and --like exclude each other")


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.option(
    "--tier",
    type=click.Choice(list(_TIERS)),
    help="How sure a duplicate is; by default edited-copy, which includes those before it.",
)
@minimum_option("The lowest cosine of duplicates, or the lowest percentile, like 99.9%.")
@click.option(
    "--like",
    nargs=2,
    metavar="ROW ROW",
    help="Two rows that are just about duplicates: all others are at least as similar.",
)
@where_option
@format_option("How to print the groups.")
@click.option("--keep-best", is_flag=True, help="Leave out the best row of each group.")
@click.option(
    "--list", "only_list", is_flag=True, help="Print only the files' paths, or the rows' keys."
)
@click.option("-0", "--null", is_flag=True, help="End what --list prints with NUL, for xargs -0.")
@click.option("--fail", is_flag=True, help=f"Exit with status {FOUND} if there are duplicates.")
@model_option
@network_options
@click.option("-s", "--silent", is_flag=True, help="Show no progress bar.")
def duplicates(
    database: Path,
    table: str,
    output: str,
    keep_best: bool,
    only_list: bool,
    null: bool,
    fail: bool,
    **options: Any,
) -> None:
    """Find the duplicates in TABLE: groups of rows in which every two pictures are similar.

    In each group, the best row is named with the reason. Nothing is ever deleted. The groups are
    kept in the database, unless --where chose rows; only new pictures are compared next time.
    Ctrl-C stops it. What is compared is kept, and the next run continues from there.

    What counts as a duplicate is worked out from TABLE's own pictures, see `calibrate`.

    Example:

    \b
        datasette revimg duplicates photos.db photos --tier same-picture
    """
    chosen = DuplicatesOptions(**options)
    chosen.check()
    if null and not only_list:
        raise click.UsageError("--null goes with --list")
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        source = tables.find(conn, embedded.table_name)
        calibration = _calibration(conn, database, source, embedded, chosen)
        minimum, tier = _minimum(conn, source, calibration, chosen)
        found = _find(conn, database, source, embedded, chosen, minimum, calibration)
    if only_list:
        base = base_folder(database, embedded) if embedded.kind == "path" else None
        click.echo(listed(found, base, keep_best, "\0" if null else "\n"), nl=False)
    else:
        click.echo(formatted(found, source, output, keep_best), nl=False)
    click.echo(printable(summary(found, source.name, minimum, tier)), err=True)
    if fail and found.groups:
        sys.exit(FOUND)


def _calibration(
    conn: sqlite3.Connection,
    database: Path,
    source: Table,
    embedded: EmbeddedTable,
    chosen: DuplicatesOptions,
) -> Calibration | None:
    """Return the table's calibration, made now if a tier needs it."""
    calibration = calibrations.read(conn, embedded)
    by_tier = chosen.minimum is None and chosen.like is None
    if not by_tier or _TIERS.get(chosen.tier or "") == SAME_FILE:
        return calibration
    if not is_due(conn, source, calibration):
        return calibration
    try:
        return run_calibration(
            conn,
            database,
            source,
            embedded,
            chosen.silent,
            model_name=chosen.model_name,
            device=chosen.device,
            threads=chosen.threads,
        )
    except TooFewPicturesError as error:
        if chosen.tier:
            raise
        click.echo(printable(f"only copies of the same file are found: {error}"), err=True)
        return None


def _minimum(
    conn: sqlite3.Connection,
    source: Table,
    calibration: Calibration | None,
    chosen: DuplicatesOptions,
) -> tuple[float | None, str | None]:
    """Return the lowest score of duplicates, None for the same file alone, and the tier."""
    if chosen.minimum:
        return chosen.minimum.score(distributions.read(conn, source.name)), None
    if chosen.like:
        first, second = (_vector(conn, source, text) for text in chosen.like)
        return min(1.0, float(np.vecdot(first, second))), None
    tier = _TIERS[chosen.tier] if chosen.tier else EDITED_COPY
    if tier == SAME_FILE or calibration is None:
        return None, SAME_FILE
    lowest = calibration.threshold(tier)
    if lowest is None and not chosen.tier:
        # Few pictures can't vouch for more.
        tier, lowest = SIMILAR, calibration.threshold(SIMILAR)
    if lowest is None:
        raise RevimgError(
            f"{source.name!r} has {len(calibration.chance)} different pictures, too few to vouch "
            f"for {tier!r} ({round(1 / RATES[tier]) - 1:,} are needed): use --tier similar or --min"
        )
    return lowest, tier


def _vector(conn: sqlite3.Connection, source: Table, text: str) -> np.ndarray:
    """Return the vector of the row that --like names, float64 (D,)."""
    for key in typed_keys(text, len(source.key_columns)):
        vector = reading.vector(conn, source.name, key)
        if vector is not None:
            return vector.astype(np.float64)
    raise RevimgError(f"--like: {text!r} is not the key of an embedded row of {source.name!r}")


def _find(
    conn: sqlite3.Connection,
    database: Path,
    source: Table,
    embedded: EmbeddedTable,
    chosen: DuplicatesOptions,
    minimum: float | None,
    calibration: Calibration | None,
) -> Found:
    """Find the duplicates under a progress bar; exit with status 130 on Ctrl-C."""
    done_before = 0
    with click.progressbar(
        length=1,
        label=f"Comparing {source.name}",
        file=sys.stderr,
        show_pos=True,
        hidden=chosen.silent or not sys.stderr.isatty(),
    ) as bar:

        def on_done(done: int, total: int) -> None:
            nonlocal done_before
            bar.length = total
            bar.update(done - done_before)
            done_before = done

        try:
            with naming_where(chosen.where):
                return find_duplicates(
                    conn,
                    source,
                    embedded,
                    minimum,
                    calibration,
                    original_reader(conn, database, source, embedded),
                    chosen.where,
                    on_done,
                )
        except KeyboardInterrupt:
            pass
    click.echo(
        f"stopped: {done_before:,} pictures compared and kept; run it again to continue", err=True
    )
    sys.exit(130)
