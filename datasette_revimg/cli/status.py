"""``datasette revimg status``."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from ..errors import RevimgError
from ..pictures.kinds import skipped_sentence
from ..store import (
    classifiers,
    code_tables,
    failed_rows,
    registry,
    skipped,
    statistics,
    whitening,
)
from ..store.registry import EmbeddedTable
from .options import DATABASE, open_database
from .printable import printable

# How many failures to name before pointing to the table that has them all.
FAILURES_SHOWN = 10


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
def status(database: Path) -> None:
    """Show what is embedded in a database, and what failed.

    Example:

    \b
        datasette revimg status photos.db
    """
    with open_database(database) as conn:
        tables = registry.embedded_tables(conn)
        damaged = registry.damaged_records(conn)
        if not (tables or damaged):
            click.echo(printable(f"nothing is embedded in {database}"))
        for embedded in tables:
            _print_status(conn, embedded)
        for name in damaged:
            line = (
                f"{name}: its record in {registry.REGISTRY} is damaged: run "
                f"`datasette revimg embed --replace`"
            )
            click.echo(printable(line))


def _print_status(conn: sqlite3.Connection, embedded: EmbeddedTable) -> None:
    counts = statistics.count_rows(conn, embedded)
    without = f"{counts.without_picture} without a picture, " if counts.without_picture else ""
    missing = f"{counts.missing} missing, " if counts.missing else ""
    megabytes = statistics.stored_bytes(conn, embedded.table_name) / 1e6
    codes = code_tables.read_state(conn, embedded.table_name)
    coded = f", codes of {codes.width} floats" if codes and codes.generation else ""
    line = (
        f"{embedded.table_name}: {counts.vectors} of {counts.rows} rows embedded, "
        f"{without}{missing}{counts.failed} failed, "
        f"{megabytes:.1f} MB, from {embedded.kind} column {embedded.column_name}, "
        f"{embedded.model} ({embedded.dimension} floats{coded}), updated {embedded.updated}"
    )
    click.echo(printable(line))
    try:
        learnt = whitening.read(conn, embedded)
        if learnt:
            click.echo(f"  whitened, as learnt from {learnt.rows:,} of its vectors")
    except RevimgError as error:
        click.echo(printable(f"  {error}"))
    for kind, count in skipped.read(conn, embedded.table_name).items():
        click.echo(printable(f"  {skipped_sentence(kind, count)}"))
    for column in classifiers.columns(conn, embedded.table_name):
        click.echo(printable(f"  {_learnt(conn, embedded, column)}"))
    failures = failed_rows.read(conn, embedded.table_name)
    for pk, reason in failures[:FAILURES_SHOWN]:
        click.echo(printable(f"  failed {pk}: {reason}"))
    if len(failures) > FAILURES_SHOWN:
        click.echo(f"  and {len(failures) - FAILURES_SHOWN} more in {failed_rows.FAILURES}")


def _learnt(conn: sqlite3.Connection, embedded: EmbeddedTable, column: str) -> str:
    """Return a line about what was learnt of a column."""
    try:
        learnt = classifiers.read(conn, embedded, column)
    except RevimgError as error:
        return f"{column}: {error}"
    return (
        f"{column}: learnt from {learnt.examples:,} examples, accuracy {learnt.accuracy:.1%}, "
        f"{len(learnt.classifier.classes)} classes, {learnt.at}"
    )
