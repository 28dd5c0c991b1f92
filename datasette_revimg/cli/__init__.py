"""``datasette revimg …``: the commands."""

from __future__ import annotations

import sqlite3
import sys
import warnings
from pathlib import Path

import click

from ..embedding import choice, jobs, pipeline
from ..embedding import plan as embedding
from ..embedding.choice import load_network
from ..embedding.pipeline import Summary
from ..models import labels
from ..models.catalogue import VGG16_RMAC
from ..models.network import Network
from ..store import code_tables, reading, registry, writing
from ..store.registry import EmbeddedTable
from ..store.writing import Failure
from . import matrix, models, similar
from .options import DATABASE, model_option, network_options, one_line_errors, open_database

FC2_NOTE = (
    "this was the bundled vgg16-rmac; `datasette revimg install vgg16-fc2` fetches the dense layers"
)

# How many failures `status` names before it points to the table that has them all.
FAILURES_SHOWN = 10


@click.group()
def revimg() -> None:
    """Find similar pictures: embed them once, then search in SQL, here or in Datasette."""


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--column", help="The column with the pictures, or their paths; found by itself.")
@model_option
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
@network_options
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
    with one_line_errors(database):
        # Before the database, which would be created for nothing where there are none.
        files = jobs.picture_files(paths) if paths else []
    with open_database(database, create=bool(paths)) as conn:
        recorded = registry.embedded(conn, table)
        model = choice.choose_model(None if start_over else recorded, model_name)
        if with_labels:
            labels.check_classes(model)
        # First of all: --replace forgets nothing for a network that can't be used.
        network = load_network(model, device, threads, classes=with_labels, batch_size=batch_size)
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


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
def status(database: Path) -> None:
    """Show what is embedded in a database, and what failed.

    Example:

    \b
        datasette revimg status photos.db
    """
    with open_database(database) as conn:
        entries = registry.embedded_tables(conn)
        if not entries:
            click.echo(f"nothing is embedded in {database}")
        for embedded in entries:
            _print_status(conn, embedded)


def _print_status(conn: sqlite3.Connection, embedded: EmbeddedTable) -> None:
    rows, vectors, failed = reading.counts(conn, embedded.table_name)
    megabytes = reading.stored_bytes(conn, embedded.table_name) / 1e6
    known = code_tables.read_state(conn, embedded.table_name)
    coded = f", codes of {known.width} floats" if known and known.generation else ""
    click.echo(
        f"{embedded.table_name}: {vectors} of {rows} rows embedded, {failed} failed, "
        f"{megabytes:.1f} MB, from {embedded.kind} column {embedded.column_name}, "
        f"{embedded.model} ({embedded.dimension} floats{coded}), updated {embedded.updated}"
    )
    failures = reading.failures(conn, embedded.table_name)
    for pk, reason in failures[:FAILURES_SHOWN]:
        click.echo(f"  failed {pk}: {reason}")
    if len(failures) > FAILURES_SHOWN:
        click.echo(f"  and {len(failures) - FAILURES_SHOWN} more in {registry.FAILURES}")


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
def forget(database: Path, table: str) -> None:
    """Delete the vectors and thumbnails of TABLE; the table itself stays.

    Example:

    \b
        datasette revimg forget photos.db photos
    """
    with open_database(database) as conn:
        writing.forget(conn, table)
    click.echo(f"{table}: forgotten, the table itself is untouched")


for command in (
    embed,
    similar.similar,
    matrix.matrix_command,
    status,
    forget,
    models.models,
    models.install,
    models.uninstall,
):
    revimg.add_command(command)
