"""What the commands share: errors in one line, the database, the choice of a network."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import RevimgError
from ..models.network import DEVICES
from ..store import connection, registry, tables
from ..store.registry import EmbeddedTable

Command = TypeVar("Command", bound=Callable[..., Any])

DATABASE = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def one_line_errors(database: Path) -> Iterator[None]:
    """Turn what can go wrong into click's one-line errors."""
    try:
        yield
    except RevimgError as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        raise click.ClickException(str(connection.translated(error, database))) from error


@contextmanager
def open_database(path: Path, create: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection that is closed at the end; what goes wrong with it meanwhile is told."""
    with one_line_errors(path):
        conn = connection.connect(path, create=create)
        try:
            yield conn
        finally:
            conn.close()


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    return lambda command: functools.reduce(lambda done, add: add(done), reversed(options), command)


network_options = _options(
    click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        help="Where the network runs; auto takes a GPU where there is one.",
    ),
    click.option("--threads", type=click.IntRange(1), help="Processor threads to use at most."),
)

model_option = click.option(
    "--model",
    "model_name",
    metavar="NAME|FILE",
    help="The network: a name that `datasette revimg models` lists, or an .onnx file of your own "
    "with its .json beside it.",
)


@contextmanager
def naming_where(where: str) -> Iterator[None]:
    """Say that it was --where that SQLite doesn't understand."""
    try:
        yield
    except sqlite3.OperationalError as error:
        # Anything but SQL that is wrong has a code of its own.
        if where and error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise click.UsageError(f"--where {where!r}: {error}") from error
        raise


def embedded_table(conn: sqlite3.Connection, table: str) -> EmbeddedTable:
    """The record of a table. RevimgError when there is none: no such table, or not embedded."""
    embedded = registry.embedded(conn, table)
    if embedded is None:
        tables.find(conn, table)
        raise RevimgError(f"{table!r} is not embedded yet: run `datasette revimg embed` first")
    return embedded
