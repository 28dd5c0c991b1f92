"""``datasette revimg matrix``."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..errors import RevimgError
from ..keys import row_path
from ..overview import matrix as similarity
from ..overview.matrix import SimilarityMatrix
from ..overview.sample import Sample, sample_rows
from ..pictures.similarity_matrix import draw_matrix
from ..store import reading, registry, tables
from ..store.registry import EmbeddedTable
from .options import DATABASE, naming_where, open_database, where_option
from .printable import printable

# The suffixes of a picture's name, and what Pillow calls these formats.
PICTURES = {".png": "PNG", ".webp": "WEBP"}


@dataclass(frozen=True)
class MatrixOptions:
    """The rows to compare, their order, and the file to write; without ``output``, stdout."""

    output: Path | None
    order: str
    where: str
    limit: int

    @property
    def suffix(self) -> str:
        """The kind of file to write."""
        return self.output.suffix.lower() if self.output else ".csv"


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .csv, or a picture as .png or .webp.",
)
@click.option(
    "--order",
    type=click.Choice(similarity.ORDERS),
    default="cluster",
    show_default=True,
    help="Put similar rows side by side, or keep the order of their keys.",
)
@where_option
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=2000,
    show_default=True,
    help="If there are more rows, take a random sample of this many, always the same.",
)
def matrix(database: Path, table: str, **options: Any) -> None:
    """Print the similarity matrix of TABLE: the cosine of every two rows, as CSV.

    The header row and the first column are the rows' keys, as in their Datasette URLs.

    Example:

    \b
        datasette revimg matrix cards.db cards --output cards.png
    """
    chosen = MatrixOptions(**options)
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        if chosen.suffix not in (".csv", *PICTURES):
            raise RevimgError(
                f"{chosen.output}: a matrix is written as .csv, {' or '.join(PICTURES)}: choose "
                "another name"
            )
        with naming_where(chosen.where):
            sample = _sample(conn, embedded, chosen)
            vectors = reading.vectors_in_order(
                conn, tables.find(conn, embedded.table_name), sample.keys
            )
        if sample.is_part:
            click.echo(printable(sample), err=True)
        if sample.left_out:
            click.echo(printable(sample.left_out), err=True)
        computed = similarity.compute_matrix(vectors, chosen.order)
        names = [row_path(sample.keys[index]) for index in computed.order]
        try:
            _write(chosen, names, computed, f"{sample}, {embedded.model}")
        except OSError as error:
            name = chosen.output or "stdout"
            raise RevimgError(f"{name} can't be written: {error.strerror}") from error


def _sample(conn: sqlite3.Connection, embedded: EmbeddedTable, chosen: MatrixOptions) -> Sample:
    source = tables.find(conn, embedded.table_name)
    where = f"(\n{chosen.where}\n)" if chosen.where else ""
    sample = sample_rows(conn, source, chosen.limit, where)
    sample = sample.without(reading.damaged_keys(conn, source, sample.keys))
    if not sample.keys:
        raise RevimgError(
            f"no embedded row of {source.name!r} meets --where {chosen.where!r}"
            if chosen.where
            else f"{source.name!r} has no embedded rows: run `datasette revimg embed` again"
        )
    return sample


def _write(
    chosen: MatrixOptions, names: list[str], computed: SimilarityMatrix, caption: str
) -> None:
    """Write the matrix to a file, as a picture or as CSV, or as CSV to stdout."""
    if chosen.output is None:
        similarity.write_csv(sys.stdout, names, computed.cosines)
    elif chosen.suffix in PICTURES:
        chosen.output.write_bytes(
            draw_matrix(
                computed.cosines, computed.low, computed.high, caption, PICTURES[chosen.suffix]
            )
        )
    else:
        with chosen.output.open("w", encoding="utf-8", newline="") as file:
            similarity.write_csv(file, names, computed.cosines)
