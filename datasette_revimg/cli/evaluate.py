"""``datasette revimg evaluate``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..embedding.choice import choose_model, load_network, made_by, table_model
from ..errors import RevimgError
from ..evaluation import edits, groups
from ..evaluation.edits import DEPTHS, EditMeasures
from ..evaluation.groups import LEVELS, GroupMeasures
from ..evaluation.sample import Described, describe
from ..keys import Key
from ..models.catalogue import Model, all_models
from ..pictures.curves import draw_curves
from ..pictures.quiet import silence_pillow, silent_libraries
from ..store import labels, reading, registry, tables
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.cosine import VECTOR_DTYPE
from . import listing
from .bars import Bars
from .calibrate import original_reader
from .formats import csv_text, json_text
from .matrix import PICTURES
from .options import (
    DATABASE,
    format_option,
    naming_where,
    network_options,
    open_database,
    where_option,
)
from .printable import printable


@dataclass(frozen=True)
class EvaluateOptions:
    """The rows to rank, the models that rank them, and what to measure."""

    groups: str | None
    models: tuple[str, ...]
    sample: int
    edited: int
    where: str
    seed: int
    plot: Path | None
    device: str
    threads: int | None
    silent: bool


@dataclass(frozen=True)
class Evaluated:
    """The figures of a model: by groups where there are any, else by edits."""

    model: str
    floats: int
    bytes_per_picture: int
    images_per_second: float | None
    rows: int
    by_groups: GroupMeasures | None = None
    by_edits: dict[str, EditMeasures] | None = None

    @property
    def curve(self) -> list[float]:
        """The model's line in the picture."""
        if self.by_groups:
            return self.by_groups.curve
        return self.by_edits["all"].curve if self.by_edits else []


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.option(
    "--groups",
    metavar="COLUMN",
    help="Rows with the same value belong together. Without it, edited pictures ask for their row.",
)
@click.option(
    "--model",
    "models",
    metavar="NAME|FILE",
    multiple=True,
    help="A network to evaluate, instead of all that are installed; may be repeated.",
)
@click.option(
    "--sample",
    type=click.IntRange(10, 20_000),
    default=1000,
    show_default=True,
    help="How many rows to rank; if there are more, a random sample, always the same.",
)
@click.option(
    "--edited",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="How many of these to edit, each in 14 ways.",
)
@where_option
@click.option("--seed", type=int, default=0, show_default=True, help="Take another sample.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the curves to this .png or .webp file.",
)
@format_option("How to print the figures.")
@network_options
@click.option("-s", "--silent", is_flag=True, help="Show no progress bar.")
def evaluate(database: Path, table: str, output: str, **options: Any) -> None:
    """Measure how good the search in TABLE is, with pictures whose answers are known.

    With --groups, each row asks for the others of its group. Without, some pictures are cropped,
    turned, compressed and so on, and ask for their row. All models rank the same rows; nothing
    that is stored is changed.

    Example:

    \b
        datasette revimg evaluate photos.db photos --groups kind
    """
    chosen = EvaluateOptions(**options)
    if chosen.plot and chosen.plot.suffix.lower() not in PICTURES:
        raise click.UsageError(f"--plot writes {' or '.join(PICTURES)}, not {chosen.plot}")
    with open_database(database) as conn:
        embedded = registry.require_embedded(conn, table)
        source = tables.find(conn, embedded.table_name)
        keys, values = _rows(conn, source, chosen)
        read = original_reader(conn, database, source, embedded)
        found = []
        silence_pillow()
        with silent_libraries():
            for model in _models(conn, embedded, chosen):
                found.append(_evaluate(conn, source, embedded, model, keys, values, read, chosen))
        if chosen.plot:
            _plot(chosen.plot, source.name, found)
    click.echo(formatted(found, source.name, output), nl=False)


def _rows(
    conn: sqlite3.Connection, source: Table, chosen: EvaluateOptions
) -> tuple[list[Key], dict[Key, object]]:
    """Return the keys to rank, in a random order, and the groups of those that have one."""
    values: dict[Key, object] = {}
    with naming_where(chosen.where):
        keys = reading.embedded_keys(conn, source.name, chosen.where)
    if chosen.groups:
        column = labels.column_of(source, chosen.groups)
        values = dict(labels.read(conn, source, column))
        keys = [key for key in keys if key in values]
    if len(keys) < 2:
        what = f" and a value in {chosen.groups!r}" if chosen.groups else ""
        raise RevimgError(
            f"{source.name!r} has {len(keys)} rows with a vector{what}: two are needed"
        )
    order = np.random.default_rng(chosen.seed).permutation(len(keys)).tolist()
    return [keys[place] for place in order[: chosen.sample]], values


def _models(
    conn: sqlite3.Connection, embedded: EmbeddedTable, chosen: EvaluateOptions
) -> list[Model]:
    """Return the models to evaluate, the table's own first."""
    if chosen.models:
        return [choose_model(None, name) for name in chosen.models]
    others = [
        model for model in all_models().values() if model.installed and model.name != embedded.model
    ]
    return [table_model(conn, embedded), *others]


def _evaluate(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    model: Model,
    keys: list[Key],
    values: dict[Key, object],
    read: Any,
    chosen: EvaluateOptions,
) -> Evaluated:
    if chosen.groups and made_by(embedded, model):
        # These are the vectors that the network would make.
        vectors = reading.vectors_in_order(conn, source, keys)
        described = Described(keys, [], vectors, np.empty((0, 0, 0), np.float32), 0, 0.0)
    else:
        network = load_network(model, chosen.device, chosen.threads)
        edited = 0 if chosen.groups else chosen.edited
        with Bars(chosen.silent) as bars:

            def on_done(done: int) -> None:
                bars.show(f"{source.name}, {model.name}", done, len(keys))

            described = describe(network, keys, read, edited, on_done)
    rate = described.pictures / described.seconds if described.seconds else None
    return Evaluated(
        model=model.name,
        floats=model.dimension,
        bytes_per_picture=VECTOR_DTYPE.itemsize * model.dimension,
        images_per_second=rate,
        rows=len(described.keys),
        by_groups=groups.measure(described.vectors, [values[key] for key in described.keys])
        if chosen.groups
        else None,
        by_edits=None if chosen.groups else edits.measure(described),
    )


def formatted(found: Sequence[Evaluated], table: str, output: str) -> str:
    """Return the figures as a table, JSON or CSV."""
    if output == "json":
        return json_text([asdict(one) for one in found])
    summary = [_summary(one) for one in found]
    if output == "csv":
        return csv_text(summary, list(summary[0]))
    width = listing.terminal_width()
    parts = [f"{printable(table)}: {_ranked(found[0])}", listing.listing(summary, width, 1)[0]]
    if by_edit := _by_edit(found):
        parts += ["recall@1 by edit", listing.listing(by_edit, width, 1)[0]]
    return "\n\n".join(parts) + "\n"


def _ranked(one: Evaluated) -> str:
    if one.by_groups:
        return (
            f"{one.by_groups.queries:,} rows ask for the others of their group among {one.rows:,}"
        )
    queries = one.by_edits["all"].queries if one.by_edits else 0
    return f"{queries:,} edited pictures ask for their row among {one.rows:,}"


def _summary(one: Evaluated) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if one.by_groups:
        figures = {
            "mAP": one.by_groups.mean_average_precision,
            "P@10": one.by_groups.precision_at_10,
            "R@1": one.by_groups.recall_at_1,
        }
        if one.by_groups.ns_score is not None:
            figures["N-S"] = one.by_groups.ns_score
    elif one.by_edits:
        everything = one.by_edits["all"]
        figures = {
            "R@1": everything.recall_at_1,
            "R@5": everything.recall_at_5,
            "µAP": everything.micro_average_precision,
        }
    rate = one.images_per_second
    return {
        "model": one.model,
        **figures,
        "images/s": None if rate is None else f"{rate:.1f}",
        "bytes": one.bytes_per_picture,
    }


def _by_edit(found: Sequence[Evaluated]) -> list[dict[str, Any]]:
    names = [name for name in found[0].by_edits or {} if name != "all"]
    return [
        {"edit": name, **{one.model: (one.by_edits or {})[name].recall_at_1 for one in found}}
        for name in names
    ]


def _plot(file: Path, table: str, found: Sequence[Evaluated]) -> None:
    """Draw the models' curves: precision by recall, or recall by depth."""
    by_groups = found[0].by_groups is not None
    picture = draw_curves(
        {one.model: one.curve for one in found},
        f"{printable(table)}: {'precision' if by_groups else 'found'}, {_ranked(found[0])}",
        "recall" if by_groups else "among the first results",
        [level / (LEVELS - 1) for level in range(LEVELS)] if by_groups else list(DEPTHS),
        PICTURES[file.suffix.lower()],
    )
    try:
        file.write_bytes(picture)
    except OSError as error:
        raise RevimgError(f"{file} can't be written: {error.strerror}") from error
