"""Progress bars for a job of several steps, and what Ctrl-C does to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from .printable import printable


class Bars:
    """One progress bar after another, a bar for each step, which its name stands before."""

    def __init__(self, silent: bool) -> None:
        self._hidden = silent or not sys.stderr.isatty()
        self._bar: Any = None
        self.step = ""
        self.done = 0

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.render_finish()

    def show(self, step: str, done: int, total: int) -> None:
        """Show how much of a step is done."""
        if self._bar is None or step != self.step:
            self.__exit__()
            self.step = step
            self._bar = click.progressbar(
                length=total,
                label=printable(step),
                file=sys.stderr,
                show_pos=True,
                hidden=self._hidden,
            )
        self.done = done
        self._bar.update(done - self._bar.pos)


@contextmanager
def stoppable_bars(silent: bool, kept: Mapping[str, str]) -> Iterator[Bars]:
    """Yield bars, and exit with status 130 on Ctrl-C.

    ``kept`` says, by step, what becomes of what is "{done}"; of other steps nothing is kept.
    """
    with Bars(silent) as bars:
        try:
            yield bars
            return
        except KeyboardInterrupt:
            pass
    kept_now = kept.get(bars.step, "nothing of it is kept").format(done=bars.done)
    click.echo(f"stopped: {kept_now}", err=True)
    sys.exit(130)
