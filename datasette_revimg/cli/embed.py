"""``datasette revimg embed``."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click

from ..embedding import run, watching
from ..embedding.folders import Listing
from ..embedding.request import BATCH_SIZE, EmbedRequest
from ..embedding.run import Run, Summary
from ..errors import RevimgError
from ..models.catalogue import VGG16_RMAC
from ..pictures.kinds import skipped_sentence
from ..pictures.quiet import silence_pillow, silent_libraries
from .options import DATABASE, model_option, network_options, one_line_errors
from .printable import printable
from .progress import Progress, timing_sentence
from .stopping import exit_status, stop_signals

FC2_NOTE = (
    "this was the bundled vgg16-rmac; `datasette revimg install vgg16-fc2` fetches the dense layers"
)

WHITEN_NOTE = (
    "with --whiten, what these {:,} pictures have in common no longer counts, which makes most "
    "matches better"
)


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--column",
    help="The column with the pictures or their paths; by default, it is detected.",
)
@model_option
@click.option(
    "--base-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that the paths in the table are relative to.",
)
@click.option("--store", "keep_content", is_flag=True, help="Also store the files' bytes in TABLE.")
@click.option(
    "--labels",
    is_flag=True,
    help="Also store the five best of ImageNet's 1000 classes for each picture.",
)
@network_options
@click.option(
    "--batch-size",
    type=click.IntRange(1, 1024),
    default=BATCH_SIZE,
    show_default=True,
    help="Pictures per run of the network and per transaction.",
)
@click.option("--limit", type=click.IntRange(1), help="Stop after this many pictures.")
@click.option("--replace", "start_over", is_flag=True, help="Discard the vectors and start again.")
@click.option(
    "--whiten",
    is_flag=True,
    help="Learn from TABLE's own vectors, at least 1,000, what they have in common, and let that "
    "count no longer.",
)
@click.option(
    "--prune",
    is_flag=True,
    help="Delete the rows of TABLE whose file is gone, with all that you added to them.",
)
@click.option("-y", "--yes", is_flag=True, help="Let --prune delete rows without asking.")
@click.option(
    "--isolate",
    is_flag=True,
    help="Decode in processes of its own with limits of memory and time, for strangers' pictures.",
)
@click.option("--strict", is_flag=True, help="Exit with status 1 if any picture failed.")
@click.option("--timing", is_flag=True, help="Show where the time went.")
@click.option("--watch", is_flag=True, help="Go on, and embed what changes in the PATHs.")
@click.option("-s", "--silent", is_flag=True, help="Show no progress.")
def embed(
    prune: bool,
    yes: bool,
    strict: bool,
    timing: bool,
    watch: bool,
    silent: bool,
    **options: Any,
) -> None:
    """Embed the pictures of a table, or those in files and folders.

    Without PATH, the pictures of TABLE are embedded: BLOBs, or files whose paths are in a column.
    With PATHs, the pictures in these files and folders; TABLE is created, or brought up to date.

    Run it again after you add, change or delete pictures; only the changes are processed.
    Rows whose file was moved or renamed get its new path. Rows whose file is gone are kept and
    marked in the column "missing"; searches leave them out.
    Ctrl-C stops it, as do SIGTERM and SIGHUP. What is finished is kept, and the next run
    continues from there.

    Example:

    \b
        datasette revimg embed photos.db photos ~/Pictures
    """
    request = EmbedRequest(**options)
    if request.column and request.paths:
        raise click.UsageError("--column goes with a table's own pictures, not with PATHs")
    if request.keep_content and not request.paths:
        raise click.UsageError("--store goes with PATHs: it stores the files' bytes")
    if prune and not request.paths:
        raise click.UsageError("--prune goes with PATHs: it deletes rows whose file is gone")
    if watch and not request.paths:
        raise click.UsageError("--watch goes with PATHs: it waits for changes of these files")
    # Pillow warns of what our own limits and messages report for each row.
    silence_pillow()
    with stop_signals(), silent_libraries():
        if watch:
            with one_line_errors():
                watching.check()
        ready, summary = _embed(request, silent, prune=prune, yes=yes)
        if ready.chosen_by_default and ready.model is VGG16_RMAC and not silent:
            click.echo(FC2_NOTE, err=True)
        _report(summary)
        if summary.whitening_worth and not silent:
            click.echo(WHITEN_NOTE.format(summary.whitening_worth), err=True)
        if timing:
            sentence = timing_sentence(ready.counts, ready.threads)
            click.echo(f"{printable(summary.table)}: {sentence}", err=True)
        if ready.first and summary.embedded and not silent:
            file = shlex.quote(str(request.database))
            line = f"`datasette {file} --open` shows them in your browser"
            click.echo(printable(line), err=True)
        if watch:
            _watch(replace(request, start_over=False), summary)
    nothing = summary.failed and not summary.embedded and not summary.unchanged
    if nothing or (strict and summary.failed):
        sys.exit(1)


def _embed(
    request: EmbedRequest,
    silent: bool,
    *,
    prune: bool = False,
    yes: bool = False,
    warn: bool = True,
) -> tuple[Run, Summary]:
    """Do what is requested, and show how far it is; exit when it is interrupted.

    Unless ``warn``, folders that can't be read and pictures that are skipped aren't named.
    """
    ready: Run | None = None
    try:
        with one_line_errors(), run.prepared(request) as ready:
            if prune:
                _prune(ready, yes)
            summary = _with_progress(ready, silent)
            if ready.listing and warn:
                _warn(ready.table, ready.listing)
    except KeyboardInterrupt as interrupt:
        _stop(ready, interrupt)
    return ready, summary


def _report(summary: Summary) -> None:
    """Print the last line of a run, and what went wrong with the codes."""
    table = printable(summary.table)
    if summary.codes_error:
        click.echo(
            f"{table}: searches are slow for now, because their codes couldn't be written "
            f"({printable(summary.codes_error)}): run this again",
            err=True,
        )
    for sentence in summary.unlearnt:
        click.echo(printable(f"{summary.table}: {sentence}"), err=True)
    missing = f", {summary.missing} missing" if summary.missing else ""
    moved = f", {summary.moved} moved" if summary.moved else ""
    equal = f", {summary.equal} of the embedded equal to others" if summary.equal else ""
    if summary.whitened:
        click.echo(f"{table}: whitened, as learnt from {summary.whitened:,} vectors", err=True)
    rate = f", {summary.rate:.1f} images/s" if summary.rate else ""
    click.echo(
        f"{table}: {summary.embedded} embedded, {summary.unchanged} unchanged, "
        f"{summary.failed} failed, {summary.removed} removed{moved}{missing}{equal} "
        f"({summary.model}, {summary.dimension} floats{rate})"
    )


def _watch(request: EmbedRequest, summary: Summary) -> NoReturn:
    """Embed whatever changes, report runs that have changed something, until a signal ends it."""
    click.echo(f"{printable(summary.table)}: waiting for changes; Ctrl-C ends it", err=True)
    failed, known = False, (summary.failed, summary.missing)
    try:
        for changed in watching.changes(request.paths, request.database):
            if not (changed or failed):
                continue
            try:
                _, summary = _embed(request, silent=True, warn=False)
            except click.ClickException as error:
                # Said once; what it was may pass.
                if not failed:
                    error.show()
                failed = True
                continue
            failed = False
            if summary.embedded or summary.moved or (summary.failed, summary.missing) != known:
                _report(summary)
            known = summary.failed, summary.missing
    except KeyboardInterrupt as interrupt:
        with suppress(OSError):
            click.echo("stopped; everything embedded is kept", err=True)
        sys.exit(exit_status(interrupt))
    raise AssertionError("changes end by an interrupt only")


def _stop(ready: Run | None, interrupt: KeyboardInterrupt) -> NoReturn:
    """Say what is kept, and exit with a status that names the signal."""
    embedded = ready.counts.embedded if ready else 0
    # After a hangup there may be no terminal to write to.
    with suppress(OSError):
        click.echo(f"stopped: {embedded} embedded and kept; run it again to continue", err=True)
    sys.exit(exit_status(interrupt))


def _prune(ready: Run, yes: bool) -> None:
    """Delete the rows whose file is gone, after the user has confirmed how many."""
    missing = ready.missing
    if not missing:
        return
    rows = f"{len(missing):,} row{'' if len(missing) == 1 else 's'}"
    if not (yes or sys.stdin.isatty()):
        raise RevimgError(
            f"--prune would delete {rows} of {ready.table}, and there is nobody to ask: "
            "add --yes to delete them"
        )
    if yes or click.confirm(
        printable(f"Delete {rows} of {ready.table} whose file is gone?"), err=True
    ):
        ready.prune(missing)
        line = f"{ready.table}: {rows} deleted, their files are gone"
        click.echo(printable(line), err=True)


def _warn(table: str, listing: Listing) -> None:
    """Report the folders that can't be read, and the pictures that are skipped."""
    for folder, reason in listing.unreadable.items():
        line = f"{table}: {folder} can't be read, {reason}: what is stored for it is kept"
        click.echo(printable(line), err=True)
    for kind, count in listing.skipped.items():
        click.echo(printable(f"{table}: {skipped_sentence(kind, count)}"), err=True)


def _with_progress(ready: Run, silent: bool) -> Summary:
    """Embed, show how far it is, and name each failure."""
    with Progress(ready.table, ready.total, ready.counts, silent=silent) as progress:
        return ready.embed(progress.step)
