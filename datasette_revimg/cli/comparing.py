"""A progress bar for the comparison of pictures, and what Ctrl-C does to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from .printable import printable


@contextmanager
def comparing(table: str, silent: bool, stopped: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many pictures of a table are compared; exit with status 130 on Ctrl-C.

    The bar is moved by calling what this yields, with the pictures done and all that there are.
    ``stopped`` says what becomes of those that are "{done}".
    """
    done_before = 0
    with click.progressbar(
        length=1,
        label=printable(f"Comparing {table}"),
        file=sys.stderr,
        show_pos=True,
        hidden=silent or not sys.stderr.isatty(),
    ) as bar:

        def on_done(done: int, total: int) -> None:
            nonlocal done_before
            bar.length = total
            bar.update(done - done_before)
            done_before = done

        try:
            yield on_done
            return
        except KeyboardInterrupt:
            pass
    click.echo(f"stopped: {stopped.format(done=done_before)}", err=True)
    sys.exit(130)
