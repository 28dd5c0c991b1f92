"""Options, and the handling of errors, that several commands share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import RevimgError
from ..models.devices import DEVICES
from ..store import connection
from ..vectors import percentiles
from ..vectors.percentiles import Minimum
from .printable import printable

Command = TypeVar("Command", bound=Callable[..., Any])

DATABASE = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def one_line_errors(*also: type[Exception]) -> Iterator[None]:
    """Report RevimgErrors, and errors of these other types, in one line."""
    reported: tuple[type[Exception], ...] = (RevimgError, *also)
    try:
        yield
    except reported as error:
        raise click.ClickException(printable(error)) from error


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database, report errors in one line, and close it."""
    with one_line_errors(), connection.opened(path) as conn:
        yield conn


def network_options(command: Command) -> Command:
    """Add ``--device`` and ``--threads``."""
    device = click.option(
        "--device",
        type=click.Choice(DEVICES),
        metavar="NAME",
        default="auto",
        help=f"Where the network runs: {', '.join(DEVICES)}; auto takes CUDA, DirectML or OpenVINO "
        "where ONNX Runtime has one.",
    )
    threads = click.option(
        "--threads", type=click.IntRange(1), help="The most processor threads to use."
    )
    return device(threads(command))


where_option = click.option(
    "--where", metavar="SQL", default="", help="Only rows of TABLE that meet this."
)


def format_option(help_text: str) -> Callable[[Command], Command]:
    """Return ``--format``, a parameter called ``output``: table, json or csv."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help=help_text,
    )


model_option = click.option(
    "--model",
    "model_name",
    metavar="NAME|FILE",
    help="The network: a name listed by `datasette revimg models`, or an .onnx file of your own "
    "with its .json beside it.",
)


@contextmanager
def naming_where(where: str) -> Iterator[None]:
    """Name --where in the error when SQLite doesn't understand its condition."""
    try:
        yield
    except sqlite3.OperationalError as error:
        # Every other error has a code of its own.
        if where and error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise click.UsageError(printable(f"--where {where!r}: {error}")) from error
        raise


def minimum_option(help: str) -> Callable[[Command], Command]:
    """Return the option ``--min``, a cosine or a percentile."""
    return click.option("--min", "minimum", metavar="COSINE|PERCENT%", callback=_minimum, help=help)


def _minimum(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Minimum | None:
    try:
        return None if text is None else percentiles.parse_minimum(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a cosine from -1 to 1 nor a percentage like 99.9%"
        ) from None
