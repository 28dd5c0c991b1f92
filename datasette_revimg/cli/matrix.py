"""``datasette revimg matrix``."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import click

from ..errors import RevimgError
from ..keys import row_path
from ..overview import matrix
from ..overview import sample as sampling
from ..pictures.similarity_matrix import draw_matrix
from ..store import reading, tables
from ..store.tables import Table
from .options import DATABASE, embedded_table, naming_where, open_database

# The endings of a picture's name, and what Pillow calls these formats.
PICTURES = {".png": "PNG", ".webp": "WEBP"}


@click.command("matrix")
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, a picture if it ends in .png or .webp.",
)
@click.option(
    "--order",
    type=click.Choice(["cluster", "key"]),
    default="cluster",
    show_default=True,
    help="Similar rows side by side, or in the order of their keys.",
)
@click.option("--where", metavar="SQL", default="", help="Only rows of TABLE that meet this.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=2000,
    show_default=True,
    help="Of more rows, take a random sample of so many, always the same.",
)
def matrix_command(
    database: Path, table: str, output: Path | None, order: str, where: str, limit: int
) -> None:
    """Print the similarity matrix of TABLE: the cosine of every two rows, as CSV.

    The header row and the first column are the rows' keys, as in their Datasette URLs.

    Example:

    \b
        datasette revimg matrix cards.db cards --output cards.png
    """
    with open_database(database) as conn:
        embedded = embedded_table(conn, table)
        source = tables.find(conn, embedded.table_name)
        with naming_where(where):
            _write(conn, source, embedded.model, output, order, where, limit)


def _write(
    conn: sqlite3.Connection,
    source: Table,
    model: str,
    output: Path | None,
    order: str,
    where: str,
    limit: int,
) -> None:
    """Write the matrix to a file, as a picture or as CSV, or as CSV to stdout."""
    suffix = output.suffix.lower() if output else ".csv"
    if suffix not in (".csv", *PICTURES):
        raise RevimgError(
            f"{output}: a matrix is written as .csv, {' or '.join(PICTURES)}: choose another name"
        )
    sample = sampling.sample_rows(conn, source, limit, f"(\n{where}\n)" if where else "")
    if not sample.keys:
        raise RevimgError(
            f"no embedded row of {source.name!r} meets --where {where!r}"
            if where
            else f"{source.name!r} has no embedded rows: run `datasette revimg embed` again"
        )
    if sample.is_part:
        click.echo(str(sample), err=True)
    vectors = reading.vectors_in_order(conn, source, sample.keys)
    computed = matrix.compute_matrix(vectors, order)
    names = [row_path(sample.keys[index]) for index in computed.order]
    try:
        if suffix in PICTURES and output:
            caption = f"{sample}, {model}"
            output.write_bytes(
                draw_matrix(
                    computed.cosines, computed.low, computed.high, caption, PICTURES[suffix]
                )
            )
        elif output:
            with output.open("w", encoding="utf-8", newline="") as file:
                matrix.write_csv(file, names, computed.cosines)
        else:
            matrix.write_csv(sys.stdout, names, computed.cosines)
    except OSError as error:
        raise RevimgError(f"{output or 'stdout'} can't be written: {error.strerror}") from error
