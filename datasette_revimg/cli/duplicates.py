"""``datasette revimg duplicates``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..duplicates.against import Side
from ..duplicates.find import find_duplicates
from ..store import duplicates_view, registry, tables
from . import against as other_table
from .bars import stoppable_bars
from .calibrate import original_reader
from .duplicates_output import Outcome, Printing, outcome
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
from .threshold import TYPED_TIERS, DuplicatesOptions, lowest_score, table_calibration
from .turning import turned_search, turning_step

# Exit status of --fail, when there are duplicates.
FOUND = 3


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.option(
    "--tier",
    type=click.Choice(list(TYPED_TIERS)),
    help="How sure a duplicate is; by default edited-copy, which includes those before it.",
)
@minimum_option("The lowest cosine of duplicates, or the lowest percentile, like 99.9%.")
@click.option(
    "--like",
    nargs=2,
    metavar="ROW ROW",
    help="Two rows that are just about duplicates: all others are at least as similar.",
)
@click.option(
    "--orientations",
    is_flag=True,
    help="Find copies that are turned by quarters or mirrored, too.",
)
@where_option
@click.option(
    "--against",
    metavar="TABLE",
    help="Find the rows of TABLE that are in this other table, instead of groups.",
)
@click.option(
    "--against-db",
    metavar="FILE",
    type=DATABASE,
    help="The database that the other table is in, if that isn't DB. Nothing is written to it.",
)
@format_option("How to print the groups.")
@click.option("--keep-best", is_flag=True, help="Leave out the best row of each group.")
@click.option(
    "--list", "only_list", is_flag=True, help="Print only the files' paths, or the rows' keys."
)
@click.option("-0", "--null", is_flag=True, help="End what --list prints with NUL, for xargs -0.")
@click.option(
    "--view",
    is_flag=True,
    help="Make a view TABLE_duplicates of the groups with all columns of TABLE.",
)
@click.option("--fail", is_flag=True, help=f"Exit with status {FOUND} if there are duplicates.")
@model_option
@network_options
@click.option("-s", "--silent", is_flag=True, help="Show no progress bar.")
def duplicates(
    database: Path,
    table: str,
    against: str | None,
    against_db: Path | None,
    output: str,
    keep_best: bool,
    only_list: bool,
    null: bool,
    view: bool,
    fail: bool,
    **options: Any,
) -> None:
    """Find the duplicates in TABLE: groups of rows in which every two pictures are similar.

    In each group, the best row is named with the reason. Nothing is ever deleted. The groups are
    kept in the database, unless --where chose rows; only new pictures are compared next time.
    Ctrl-C stops it. What is compared is kept, and the next run continues from there.

    What counts as a duplicate is worked out from TABLE's own pictures, see `calibrate`.

    With --orientations, the network sees each picture turned and mirrored, once, which takes seven
    times as long as `embed`.

    With --against, the rows that another table has too are printed, with its rows. Of that,
    nothing is kept.

    Example:

    \b
        datasette revimg duplicates photos.db photos --tier same-picture
    """
    chosen = DuplicatesOptions(**options)
    chosen.check()
    other_table.check_options(against_db, against, keep_best, chosen.orientations)
    if null and not only_list:
        raise click.UsageError("--null goes with --list")
    if view and (against is not None or chosen.where):
        raise click.UsageError(
            "--view shows groups that are kept, not those of --against or --where"
        )
    printing = Printing(output, keep_best, only_list, "\0" if null else "\n")
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        here = Side(conn, tables.find(conn, embedded.table_name), embedded)
        if view:
            duplicates_view.check(conn, here.source)
        if against is None:
            result = _in_groups(database, here, chosen, printing)
        else:
            result = other_table.compare_with(database, here, against, against_db, chosen, printing)
        if view:
            pictures = embedded.column_name if embedded.kind == "blob" else ""
            duplicates_view.create(conn, here.source, pictures)
    click.echo(result.printed, nl=False)
    click.echo(printable(result.summary), err=True)
    if fail and result.found:
        sys.exit(FOUND)


def _in_groups(
    database: Path, here: Side, chosen: DuplicatesOptions, printing: Printing
) -> Outcome:
    """Find the groups of duplicates in a table."""
    conn, source, embedded = here.conn, here.source, here.embedded
    calibration = table_calibration(conn, database, source, embedded, chosen)
    minimum, tier = lowest_score(conn, source, calibration, chosen)
    step = f"Comparing {source.name}"
    kept = {
        step: "{done:,} pictures compared and kept; run it again to continue",
        turning_step(source.name): "{done:,} pictures turned and kept; run it again to continue",
    }
    with stoppable_bars(chosen.silent, kept) as bars, naming_where(chosen.where):
        turned = None
        if chosen.orientations:
            turned = turned_search(database, here, chosen, minimum, tier, bars)
        found = find_duplicates(
            conn,
            source,
            embedded,
            minimum,
            calibration,
            original_reader(conn, database, source, embedded),
            chosen.where,
            partial(bars.show, step),
            turned,
        )
    return outcome(found, database, here, printing, minimum, tier, turned)
