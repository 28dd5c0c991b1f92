"""``datasette revimg …``: the commands."""

from __future__ import annotations

import csv
import functools
import io
import json
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import click
import numpy as np
from tabulate import tabulate

from . import cli_models, embedding, images, labels, pipeline, search, sources, store, tables
from .errors import RevimgError
from .network import DEVICES, Network
from .pipeline import Summary
from .store import Embedded, Failure
from .tables import Key, Source
from .weights.catalogue import VGG16_RMAC, Model

Command = TypeVar("Command", bound=Callable[..., Any])

DATABASE = click.Path(dir_okay=False, path_type=Path)

FC2_NOTE = (
    "this was the bundled vgg16-rmac; `datasette revimg install vgg16-fc2` fetches the dense layers"
)

# How many failures `status` names before it points to the table that has them all.
FAILURES_SHOWN = 10


@contextmanager
def _told(database: Path) -> Iterator[None]:
    """Turn what can go wrong into click's one-line errors."""
    try:
        yield
    except RevimgError as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        raise click.ClickException(str(store.translated(error, database))) from error


@contextmanager
def _database(path: Path, create: bool = False) -> Iterator[sqlite3.Connection]:
    with _told(path):
        conn = store.connect(path, create=create)
        try:
            yield conn
        finally:
            conn.close()


@click.group()
def revimg() -> None:
    """Find similar pictures: embed them once, then search in SQL, here or in Datasette."""


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    return lambda command: functools.reduce(lambda done, add: add(done), reversed(options), command)


_network_options = _options(
    click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        help="Where the network runs; auto takes a GPU where there is one.",
    ),
    click.option("--threads", type=click.IntRange(1), help="Processor threads to use at most."),
)

_model_option = click.option(
    "--model",
    "model_name",
    metavar="NAME|FILE",
    help="The network: a name that `datasette revimg models` lists, or an .onnx file of your own "
    "with its .json beside it.",
)


@revimg.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--column", help="The column with the pictures, or their paths; found by itself.")
@_model_option
@click.option(
    "--base-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that the paths in the table start from.",
)
@click.option("--store", "keep_content", is_flag=True, help="Keep the files' bytes in the table.")
@click.option(
    "--labels",
    "with_labels",
    is_flag=True,
    help="Keep the five best of ImageNet's 1000 classes of each picture too.",
)
@_network_options
@click.option(
    "--batch-size",
    type=click.IntRange(1, 1024),
    default=pipeline.BATCH_SIZE,
    show_default=True,
    help="Pictures per run of the network and per transaction.",
)
@click.option("--limit", type=click.IntRange(1), help="Stop after so many pictures.")
@click.option("--replace", "start_over", is_flag=True, help="Forget the vectors, start again.")
@click.option("--strict", is_flag=True, help="Exit with 1 when any picture failed.")
@click.option("-s", "--silent", is_flag=True, help="No progress bar.")
def embed(
    database: Path,
    table: str,
    paths: tuple[Path, ...],
    column: str | None,
    model_name: str | None,
    base_dir: Path | None,
    keep_content: bool,
    with_labels: bool,
    device: str,
    threads: int | None,
    batch_size: int,
    limit: int | None,
    start_over: bool,
    strict: bool,
    silent: bool,
) -> None:
    """Embed the pictures of a table, or of files and folders.

    Without PATH: the pictures of TABLE, BLOBs or paths, in its column of pictures.
    With PATHs: the pictures in these files and folders; TABLE is created or brought up to date.

    Run it again whenever pictures were added, changed or deleted: only those are computed.
    Ctrl-C stops it; what was finished is kept, and the next run goes on from there.

    Example:

    \b
        datasette revimg embed photos.db photos ~/Pictures
    """
    if column and paths:
        raise click.UsageError("--column goes with a table's own pictures, not with PATHs")
    if keep_content and not paths:
        raise click.UsageError("--store goes with PATHs: it keeps the files' bytes")
    # What Pillow has to say about a picture, our own limits and messages say for the row.
    warnings.filterwarnings("ignore", module="PIL")
    with _told(database):
        # Before the database, which would be created for nothing where there are none.
        files = sources.picture_files(paths) if paths else []
    with _database(database, create=bool(paths)) as conn:
        recorded = store.embedded(conn, table)
        model = embedding.choose_model(None if start_over else recorded, model_name)
        if with_labels:
            labels.check_classes(model)
        # First of all: --replace forgets nothing for a network that can't be used.
        network = _network(model, device, threads, classes=with_labels, batch_size=batch_size)
        if paths:
            plan = embedding.plan_files(
                conn,
                database,
                table,
                model,
                paths,
                files,
                base_dir=base_dir,
                keep_content=keep_content,
                labels=with_labels,
                start_over=start_over,
            )
        else:
            plan = embedding.plan_table(
                conn,
                database,
                table,
                model,
                column=column,
                base_dir=base_dir,
                labels=with_labels,
                start_over=start_over,
            )
        summary = Summary()
        try:
            _run(conn, plan, network, summary, batch_size, threads, limit, silent)
        except KeyboardInterrupt:
            click.echo(
                f"stopped: {summary.embedded} embedded and kept, run it again to go on", err=True
            )
            sys.exit(130)
    if model is VGG16_RMAC and not (recorded or model_name or silent):
        click.echo(FC2_NOTE, err=True)
    click.echo(
        f"{plan.source.name}: {summary.embedded} embedded, {summary.unchanged} unchanged, "
        f"{summary.failed} failed, {plan.removed} removed "
        f"({model.name}, {model.dimension} floats, {summary.rate:.1f} images/s)"
    )
    nothing = summary.failed and not summary.embedded and not summary.unchanged
    if nothing or (strict and summary.failed):
        sys.exit(1)


def _network(
    model: Model,
    device: str,
    threads: int | None,
    *,
    classes: bool = False,
    batch_size: int = 1,
) -> Network:
    if model.file is None:
        raise RevimgError(f"{model.name} is not installed")
    network = Network(
        model.file,
        device,
        threads or 0,
        output=model.output,
        classes=classes,
        pixels=model.pixels,
    )
    if model.pixels:
        # Two pictures tell whether it takes batches.
        network.try_out(min(batch_size, 2), model.dimension)
    return network


def _run(
    conn: sqlite3.Connection,
    plan: embedding.Plan,
    network: Network,
    summary: Summary,
    batch_size: int,
    threads: int | None,
    limit: int | None,
    silent: bool,
) -> None:
    with click.progressbar(
        length=min(plan.total, limit or plan.total),
        label=f"Embedding {plan.source.name}",
        file=sys.stderr,
        show_pos=True,
        hidden=silent or not sys.stderr.isatty(),
    ) as bar:

        def on_done(failure: Failure | None) -> None:
            if failure:
                # Over the bar, which draws itself again below.
                start = "" if bar.hidden else "\r\x1b[K"
                name = ",".join(str(part) for part in failure.key)
                click.echo(f"{start}{plan.source.name} {name}: {failure.reason}", err=True)
            bar.update(1)

        pipeline.run(
            conn,
            plan.source,
            plan.jobs,
            network.encode,
            summary,
            size=network.size,
            batch_size=batch_size,
            threads=threads or 0,
            limit=limit,
            on_done=on_done,
        )


@revimg.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.argument("queries", metavar="QUERY...", nargs=-1, required=True)
@click.option(
    "-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many."
)
@click.option("--min", "minimum", type=click.FloatRange(-1, 1), help="The least cosine to show.")
@click.option("--not", "unlike", metavar="QUERY", multiple=True, help="Less like this one.")
@click.option("--where", metavar="SQL", default="", help="Only rows of TABLE that meet this.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@_model_option
@_network_options
def similar(
    database: Path,
    table: str,
    queries: tuple[str, ...],
    count: int,
    minimum: float | None,
    unlike: tuple[str, ...],
    where: str,
    output: str,
    model_name: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Print the rows of TABLE whose pictures are most similar to QUERY.

    QUERY is a row's key, as in its Datasette URL, or a picture file. Several are averaged.
    --model is needed for picture files only, when TABLE was embedded with a model of your own.

    Example:

    \b
        datasette revimg similar cards.db cards 14 --where "deck = 'modern'"
    """
    with _database(database) as conn:
        entry = _embedded(conn, table)
        source = tables.find(conn, entry.table_name)
        finder = _QueryFinder(conn, source, entry, model_name, device, threads)
        query = search.combine(
            [finder.vector(text) for text in queries], [finder.vector(text) for text in unlike]
        )
        try:
            result = search.top_k(
                conn,
                source.name,
                query,
                count,
                where=where,
                exclude=finder.keys,
                minimum=minimum,
            )
        except sqlite3.OperationalError as error:
            if where:
                raise click.UsageError(f"--where {where!r}: {error}") from error
            raise
        rows = tables.rows(conn, source, [hit.key for hit in result.hits])
    scored = [
        {"score": round(hit.score, 6), **row} for hit, row in zip(result.hits, rows, strict=True)
    ]
    click.echo(_formatted(scored, output), nl=output != "csv")


class _QueryFinder:
    """Turns what the user calls a query into its vector, and remembers the rows' keys.

    The network is loaded for the first picture file only: a row needs none.
    """

    def __init__(
        self,
        conn: sqlite3.Connection,
        source: Source,
        entry: Embedded,
        model_name: str | None,
        device: str,
        threads: int | None,
    ) -> None:
        self.keys: set[Key] = set()
        self._conn, self._source, self._entry = conn, source, entry
        # One that was named must fit, whether a picture needs it or not.
        self._model = self._checked(model_name) if model_name else None
        self._device, self._threads = device, threads
        self._network: Network | None = None

    def vector(self, text: str) -> np.ndarray:
        for key in _possible_keys(text, len(self._source.key_columns)):
            found = store.vector(self._conn, self._source.name, key)
            if found is not None:
                # As stored: "7" names the row whose key is the integer 7.
                self.keys.update(tables.stored_key(self._conn, self._source, key))
                return found
        file = Path(text)
        if not file.is_file():
            raise RevimgError(
                f"{text!r} is neither the key of an embedded row of {self._source.name!r} nor a "
                "picture file"
            )
        network = self._loaded()
        try:
            picture = images.decode(sources.read_file(file), network.size)
        except images.ImageError as error:
            raise RevimgError(f"{text}: {error}") from error
        return np.asarray(network.embed(picture.array[np.newaxis])[0])

    def _loaded(self) -> Network:
        if self._network is None:
            model = self._model or self._checked(None)
            self._network = _network(model, self._device, self._threads)
        return self._network

    def _checked(self, model_name: str | None) -> Model:
        model = embedding.choose_model(self._entry, model_name)
        embedding.check_model(self._entry, model)
        return model


def _possible_keys(text: str, width: int) -> Iterator[Key]:
    """The keys that a text may mean: itself, or the tilde-encoded path of a Datasette URL."""
    if width == 1:
        yield (text,)
    parts = text.split(",")
    if len(parts) == width:
        # Tilde-encoding is percent-encoding with another sign; a % in it means itself.
        yield tuple(unquote_plus(part.replace("%", "%25").replace("~", "%")) for part in parts)


def _formatted(rows: list[dict[str, Any]], output: str) -> str:
    if output == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False)
    if output == "csv":
        buffer = io.StringIO()
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(buffer, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()
    return str(tabulate(rows, headers="keys", floatfmt=".4f")) if rows else "no rows"


@revimg.command()
@click.argument("database", metavar="DB", type=DATABASE)
def status(database: Path) -> None:
    """Show what is embedded in a database, and what failed.

    Example:

    \b
        datasette revimg status photos.db
    """
    with _database(database) as conn:
        entries = store.embedded_tables(conn)
        if not entries:
            click.echo(f"nothing is embedded in {database}")
        for entry in entries:
            _print_status(conn, entry)


def _print_status(conn: sqlite3.Connection, entry: Embedded) -> None:
    rows, embedded, failed = store.counts(conn, entry.table_name)
    megabytes = store.stored_bytes(conn, entry.table_name) / 1e6
    click.echo(
        f"{entry.table_name}: {embedded} of {rows} rows embedded, {failed} failed, "
        f"{megabytes:.1f} MB, from {entry.kind} column {entry.column_name}, "
        f"{entry.model} ({entry.dimension} floats), updated {entry.updated}"
    )
    failures = store.failures(conn, entry.table_name)
    for pk, reason in failures[:FAILURES_SHOWN]:
        click.echo(f"  failed {pk}: {reason}")
    if len(failures) > FAILURES_SHOWN:
        click.echo(f"  and {len(failures) - FAILURES_SHOWN} more in {store.FAILURES}")


@revimg.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
def forget(database: Path, table: str) -> None:
    """Delete the vectors and thumbnails of TABLE; the table itself stays.

    Example:

    \b
        datasette revimg forget photos.db photos
    """
    with _database(database) as conn:
        store.forget(conn, table)
    click.echo(f"{table}: forgotten, the table itself is untouched")


def _embedded(conn: sqlite3.Connection, table: str) -> Embedded:
    entry = store.embedded(conn, table)
    if entry is None:
        tables.find(conn, table)
        raise RevimgError(f"{table!r} is not embedded yet: run `datasette revimg embed` first")
    return entry


for command in (cli_models.models, cli_models.install, cli_models.uninstall):
    revimg.add_command(command)
