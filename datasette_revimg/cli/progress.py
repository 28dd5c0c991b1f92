"""How far a run is: a bar in a terminal, elsewhere a line a minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

import click

from ..embedding.counts import Counts
from ..store.writing import Failure
from .printable import printable

# Seconds between two lines where there is no terminal.
INTERVAL = 60.0


class Progress:
    """A bar, or a line a minute, on stderr, with the speed, the time left and the failures.

    ``counts`` are those of the run, which change meanwhile. Nothing but failures is shown when
    ``silent``. ``clock`` returns seconds.
    """

    def __init__(
        self,
        table: str,
        total: int,
        counts: Counts,
        *,
        silent: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.table, self.total, self.counts = table, total, counts
        self.lines = not silent and not sys.stderr.isatty()
        self.clock = clock
        self.done = self.failed = 0
        self.started = self.printed = clock()
        self.bar = click.progressbar(
            length=total,
            label=printable(f"Embedding {table}"),
            file=sys.stderr,
            show_pos=True,
            item_show_func=self._speed,
            hidden=silent or self.lines,
        )

    def __enter__(self) -> Progress:
        self.bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bar.__exit__(kind, error, traceback)

    def step(self, failure: Failure | None) -> None:
        """Show that one more picture is done, and its failure."""
        self.done += 1
        if failure:
            self.failed += 1
            # Over the bar, which draws itself again below.
            start = "" if self.bar.hidden else "\r\x1b[K"
            name = ",".join(str(part) for part in failure.key)
            line = printable(f"{self.table} {name}: {failure.reason}")
            click.echo(f"{start}{line}", err=True)
        self.bar.update(1)
        if self.lines and self.clock() - self.printed >= INTERVAL:
            self.printed = self.clock()
            click.echo(printable(f"{self.table}: {self._line()}"), err=True)

    def _line(self) -> str:
        elapsed = self.clock() - self.started
        left = elapsed / self.done * (self.total - self.done)
        return f"{self.done:,} of {self.total:,} done, {self._speed()}, about {duration(left)} left"

    def _speed(self, _: int | None = None) -> str:
        elapsed = self.clock() - self.started
        rate = self.counts.computed / elapsed if elapsed > 0 else 0.0
        return f"{rate:.1f} images/s, {self.failed:,} failed"


def duration(seconds: float) -> str:
    """Return a time in words, in the largest unit that leaves two digits: "90 s", "75 min"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def timing_sentence(counts: Counts, threads: int) -> str:
    """Return where the time of a run went that has ended, whose ``threads`` threads decoded."""
    timing = counts.timing
    several = "" if threads == 1 else "s"
    return (
        f"{counts.seconds:.1f} s, of them {timing.network:.1f} s in the network, "
        f"{timing.storing:.1f} s storing and {timing.waiting:.1f} s waiting for pictures; "
        f"meanwhile {threads} thread{several} decoded for {timing.decoding:.1f} s"
    )
