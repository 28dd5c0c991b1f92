"""The main job from end to end: choose the model, load it, plan, and embed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..keys import Key
from ..models import labels
from ..models.catalogue import Model
from ..models.network import Network
from ..pictures.pool import open_decoder
from ..store import connection, file_table, migrations, predictions, registry, removal
from ..store import whitening as stored_whitening
from ..store.equal_pictures import open_finder
from ..store.registry import EmbeddedTable
from ..store.writing import Failure
from ..vectors.whitening import base_name
from . import folders, pipeline, whitening
from .choice import choose_model, load_network
from .counts import Counts
from .folders import Listing
from .interruptible import interruptible
from .plan import Plan, plan_files, plan_table
from .request import EmbedRequest


@dataclass(frozen=True)
class Summary:
    """The outcome of a run for a table.

    ``embedded``, ``unchanged`` and ``failed`` count pictures, ``equal`` those of the embedded ones
    that got the vector of another row's equal picture, ``removed`` counts the rows whose
    vectors were deleted because their picture is gone, ``missing`` the rows of a table made from
    files that are kept though their file is gone, and ``moved`` those whose file has another path
    now. ``dimension`` is the number of float32 in
    each vector, ``seconds`` how long the run took. ``codes_error`` is why the codes that make
    searches fast couldn't be written, empty if they could. ``unlearnt`` are sentences about
    classifiers that can't suggest anything, or should be learnt again. ``whitened`` counts the
    vectors that a whitening was learnt from in this run, and ``whitening_worth`` those that it
    could be learnt from: enough, of a network that doesn't whiten by itself.
    """

    table: str
    model: str
    dimension: int
    embedded: int
    unchanged: int
    failed: int
    removed: int
    missing: int
    seconds: float
    codes_error: str = ""
    moved: int = 0
    equal: int = 0
    unlearnt: tuple[str, ...] = ()
    whitened: int = 0
    whitening_worth: int = 0

    @property
    def rate(self) -> float:
        """Pictures embedded per second, without those that are equal to another row's."""
        return (self.embedded - self.equal) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Run:
    """A run that can start: everything is checked, and no picture has been read yet.

    ``counts`` grow while it runs, so that they are right after an interruption too.
    ``listing`` is what is in the request's files and folders, None for a table's own pictures.
    ``chosen_by_default`` says that neither the request nor the table named the model, ``first``
    that the table was not embedded before.
    """

    request: EmbedRequest
    conn: sqlite3.Connection
    model: Model
    network: Network
    plan: Plan
    chosen_by_default: bool
    first: bool
    listing: Listing | None = None
    counts: Counts = field(default_factory=Counts)

    @property
    def table(self) -> str:
        """The table's name as the database has it."""
        return self.plan.source.name

    @property
    def total(self) -> int:
        """How many pictures will be looked at, at most."""
        return min(self.plan.total, self.request.limit or self.plan.total)

    @property
    def threads(self) -> int:
        """The number of threads that read and decode pictures."""
        return self.request.threads or pipeline.default_threads()

    def _write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        work(self.conn)

    def _suggest_labels(self) -> tuple[str, ...]:
        """Suggest labels for new rows, by what was learnt of the table's columns."""
        embedded = registry.embedded(self.conn, self.table)
        if embedded is None:
            return ()
        return tuple(predictions.update(self.conn, self.plan.source, embedded))

    @property
    def missing(self) -> list[Key]:
        """The keys of all rows that are marked missing, in this run or before."""
        return file_table.missing(self.conn, self.plan.source) if self.listing else []

    def prune(self, keys: Sequence[Key]) -> None:
        """Delete rows whose file is gone, with everything the user has added to them."""
        removal.remove_rows(self.conn, self.plan.source, keys)

    def embed(self, on_done: Callable[[Failure | None], None] = lambda failure: None) -> Summary:
        """Embed the pictures and store their vectors, a batch per transaction.

        ``on_done`` is called after every picture, with the failure if it failed. Raises
        RevimgError or sqlite3.Error when the run can't go on; finished batches are kept.
        """
        request, counts, threads = self.request, self.counts, self.threads
        source, files = self.plan.source, self.listing is not None
        with (
            open_decoder(threads, isolate=request.isolate) as decode,
            open_finder(request.database, source, labels=request.labels, files=files) as find,
        ):
            pipeline.run(
                self._write,
                source,
                self.plan.embedded,
                self.plan.jobs,
                self.network.encode,
                counts,
                decode=decode,
                size=self.network.size,
                batch_size=request.batch_size,
                threads=threads,
                limit=request.limit,
                find=find,
                on_done=on_done,
            )
        model, whitened = self.model, 0
        if request.whiten and not model.whitening:
            learnt = whitening.whiten(self.conn, self.plan.source, self.plan.embedded)
            model, whitened = model.whitened(learnt), learnt.rows
            pipeline.finish(self._write, self.plan.source, counts)
        return Summary(
            table=self.table,
            model=model.name,
            dimension=model.dimension,
            embedded=counts.embedded,
            unchanged=counts.unchanged,
            failed=counts.failed,
            removed=self.plan.removed,
            missing=self.plan.missing,
            moved=self.plan.moved,
            seconds=counts.seconds,
            codes_error=counts.codes_error,
            equal=counts.equal,
            unlearnt=self._suggest_labels(),
            whitened=whitened,
            whitening_worth=(
                whitening.worth(self.conn, self.plan.source, model) if counts.embedded else 0
            ),
        )


@contextmanager
def prepared(request: EmbedRequest) -> Iterator[Run]:
    """Open the request's database, check everything, and yield a run that can start.

    Raises RevimgError when the request can't be met. Tables that an earlier version has made are
    brought up to date at once; nothing else is changed before the network has been loaded: a
    database without pictures for it isn't created, and nothing is discarded for a network that
    can't be used.
    """
    listing = interruptible(lambda: folders.find_pictures(request.paths)) if request.paths else None
    with connection.opened(request.database, create=bool(request.paths)) as conn:
        migrations.migrate(conn)
        recorded = registry.embedded(conn, request.table)
        model = _choose(conn, request, None if request.start_over else recorded)
        if request.labels:
            labels.check_classes(model)
        network = load_network(
            model,
            request.device,
            request.threads,
            classes=request.labels,
            batch_size=request.batch_size,
        )
        plan = (
            plan_files(conn, request, model, listing)
            if listing
            else plan_table(conn, request, model)
        )
        yield Run(
            request=request,
            conn=conn,
            model=model,
            network=network,
            plan=plan,
            listing=listing,
            chosen_by_default=not (recorded or request.model_name),
            first=not recorded,
        )


def _choose(
    conn: sqlite3.Connection, request: EmbedRequest, recorded: EmbeddedTable | None
) -> Model:
    """Return the model of a run, that of the table as it is ``recorded`` unless another is named.

    A request to whiten names the table's model by the name that it had before.
    """
    if recorded is None:
        return choose_model(None, request.model_name)
    name = request.model_name
    if request.whiten and name == base_name(recorded.model):
        name = recorded.model
    return choose_model(recorded, name, stored_whitening.read(conn, recorded))
