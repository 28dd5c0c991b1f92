"""``datasette revimg forget``."""

from __future__ import annotations

from pathlib import Path

import click

from ..store import removal
from .options import DATABASE, open_database
from .printable import printable


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
def forget(database: Path, table: str) -> None:
    """Delete all that was computed for TABLE, and decisions on it; the table itself is kept.

    Example:

    \b
        datasette revimg forget photos.db photos
    """
    with open_database(database) as conn:
        removal.forget(conn, table)
    click.echo(printable(f"{table}: forgotten; the table itself is unchanged"))
