"""``datasette revimg similar``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..embedding.encoder import Encoder
from ..errors import RevimgError
from ..pictures.looks import Look, Ways
from ..search.queries import Match, best_matches, text_query
from ..store import registry, tables
from ..store.tables import Table
from ..vectors.expansion import MAX_EXPAND
from ..vectors.percentiles import Minimum
from . import listing
from .formats import csv_text, json_text
from .looking import any_turn_option, chosen_ways, look_at, ways_option, words
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

# Columns that are not the table's own, in their order.
_SCORES = ("score", "percentile", "tier", "found_with")


@dataclass(frozen=True)
class SimilarOptions:
    """The query, keys or picture files, and conditions that the results meet."""

    queries: tuple[str, ...]
    unlike: tuple[str, ...]
    count: int
    minimum: Minimum | None
    where: str
    ways: Ways | None
    expand: int | None
    model_name: str | None
    device: str
    threads: int | None


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.argument("queries", metavar="QUERY...", nargs=-1, required=True)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="How many rows to print.",
)
@minimum_option("The lowest cosine to show, or the lowest percentile, like 99.9%.")
@click.option(
    "--not",
    "unlike",
    metavar="QUERY",
    multiple=True,
    help="Prefer rows less like this one; may be repeated.",
)
@ways_option
@any_turn_option
@click.option(
    "--expand",
    metavar="N",
    type=click.IntRange(1, MAX_EXPAND),
    help="Mix the query with its N best results, and search again.",
)
@where_option
@format_option("How to print the rows.")
@click.option(
    "-c",
    "--column",
    "columns",
    metavar="NAME",
    multiple=True,
    help="Print this column of TABLE instead of all; may be repeated.",
)
@click.option(
    "--width",
    type=click.IntRange(40),
    help="How wide the table may be; by default as wide as the terminal, "
    f"{listing.WIDTH} columns in a pipe. JSON and CSV are never cut.",
)
@model_option
@network_options
def similar(
    database: Path,
    table: str,
    output: str,
    columns: tuple[str, ...],
    width: int | None,
    ways: Ways | None,
    any_turn: bool,
    **options: Any,
) -> None:
    """Print the rows of TABLE whose pictures are most similar to QUERY.

    QUERY is a row's key, as in its Datasette URL, or a picture file. Several are averaged.
    What a score means is its tier (same file, same picture, edited copy or similar) once
    `calibrate` has worked that out from TABLE's own pictures. Until then it is the percentile: the
    share of the table's own pairs of pictures that are less similar.

    --model is needed only for picture files, if TABLE was embedded with a model of your own.

    Example:

    \b
        datasette revimg similar cards.db cards 14 --where "deck = 'modern'"
        datasette revimg similar photos.db photos poster.jpg --ways whole,windows
        datasette revimg similar photos.db photos scan.jpg --orientations
    """
    chosen = SimilarOptions(ways=chosen_ways(ways, any_turn), **options)
    if chosen.ways and len(chosen.queries) > 1:
        option = "--ways" if ways else "--orientations"
        raise click.UsageError(f"{option} takes one QUERY, not {len(chosen.queries)}")
    source, matches, looks = _search(database, table, columns, chosen)
    names: tuple[str, ...] = _SCORES
    if output == "table":
        # For a reader, the tier says what the percentile can't.
        meaning = "tier" if any(match.tier for match in matches) else "percentile"
        names = ("score", meaning, "found_with")
    rows = [
        _printed(match, names, source.key_columns, columns or source.columns, looks)
        for match in matches
    ]
    if output != "table" or not rows:
        # Without color, click takes out of a pipe's data whatever looks like a colour.
        click.echo(_formatted(rows, output), nl=False, color=True)
        return
    # What a row is called has to be whole: it is what one searches with next.
    whole = sum(name in (*names, *source.key_columns) for name in rows[0])
    printed, left_out = listing.listing(rows, width or listing.terminal_width(), whole)
    click.echo(printed)
    if left_out:
        click.echo(
            f"not shown for lack of room: {', '.join(map(listing.text, left_out))}; "
            "see --column, --width and --format",
            err=True,
        )


def _search(
    database: Path, table: str, columns: tuple[str, ...], chosen: SimilarOptions
) -> tuple[Table, list[Match], list[Look]]:
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        source = tables.find(conn, embedded.table_name)
        for name in columns:
            if name not in source.columns:
                raise RevimgError(
                    f"{source.name!r} has no column {name!r}; it has {', '.join(source.columns)}"
                )
        encoder = Encoder(conn, embedded, chosen.model_name, chosen.device, chosen.threads)
        encode = encoder.encode_file
        looks: list[Look] = []
        if chosen.ways:
            (text,) = chosen.queries
            query, looks = look_at(conn, database, source, embedded, encoder, text, chosen.ways)
            like = [query]
        else:
            like = [text_query(conn, source, text, encode) for text in chosen.queries]
        unlike = [text_query(conn, source, text, encode) for text in chosen.unlike]
        with naming_where(chosen.where):
            matches = best_matches(
                conn,
                source,
                like,
                unlike,
                k=chosen.count,
                where=chosen.where,
                minimum=chosen.minimum,
                expand=chosen.expand or 0,
            )
            return source, matches, looks


def _printed(
    match: Match,
    scores: Sequence[str],
    keys: Sequence[str],
    columns: Sequence[str],
    looks: Sequence[Look],
) -> dict[str, Any]:
    """Return what is printed of a row: these of its scores, its key and these columns.

    Where there were ``looks`` at the query, also which of them the row was found with.
    """
    printed: dict[str, Any] = {"score": round(match.score, 6), "tier": match.tier}
    if match.percentile is not None:
        printed["percentile"] = round(match.percentile, 4)
    if looks:
        printed["found_with"] = words(looks[match.query])
    # Columns of these names are left out: the score that matters is this one.
    chosen = {
        name: value
        for name, value in match.row.items()
        if name not in ("percentile", *printed) and (name in keys or name in columns)
    }
    return {name: printed[name] for name in scores if name in printed} | chosen


def _formatted(rows: list[dict[str, Any]], output: str) -> str:
    if output == "json":
        return json_text(rows)
    if output == "csv":
        return csv_text(rows, list(dict.fromkeys(name for row in rows for name in row)))
    return "no rows\n"
