"""``datasette revimg classify``."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from ..errors import RevimgError
from ..keys import row_path
from ..store import classifiers, labels, predictions, registry, tables
from ..store.predictions import Prediction
from ..store.tables import Table
from ..teaching import applying, learning
from ..teaching.examples import Examples, read_examples
from ..teaching.learning import Learnt
from . import listing
from .formats import csv_text, json_text
from .options import DATABASE, format_option, open_database
from .printable import printable

# Classes whose confusion fits on a screen; of more, the most frequent mistakes are listed.
_MOST_IN_TABLE = 8
_MISTAKES = 10

_SUGGESTION = ("row", "label", "probability", "second")


@dataclass(frozen=True)
class ClassifyOptions:
    """The column, and what to do with the suggestions."""

    column: str
    seed: int
    apply: bool
    above: float
    yes: bool


@click.command()
@click.argument("database", metavar="DB", type=DATABASE)
@click.argument("table")
@click.option(
    "--column",
    required=True,
    metavar="NAME",
    help="The column to learn. The rows that have a value in it are the examples.",
)
@format_option("How to print the suggestions: as a summary, or one by one as JSON or CSV.")
@click.option(
    "--apply",
    is_flag=True,
    help="Write the suggestions into the column, after asking. Values that are there stay.",
)
@click.option(
    "--above",
    type=click.FloatRange(0, 1),
    default=0.95,
    show_default=True,
    help="With --apply: only suggestions of at least this probability.",
)
@click.option("-y", "--yes", is_flag=True, help="With --apply: don't ask.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Repeat a run with the same chance."
)
def classify(
    database: Path,
    table: str,
    column: str,
    output: str,
    apply: bool,
    above: float,
    yes: bool,
    seed: int,
) -> None:
    """Learn a column of TABLE from rows that have a value in it, and suggest it for the others.

    Where the values are JSON arrays, a row may have several. All of it is kept in the database;
    `embed` makes suggestions for new rows by itself. TABLE itself is only written to with --apply.
    Needs scikit-learn: datasette install 'datasette-revimg[teach]'

    Example:

    \b
        datasette revimg classify photos.db photos --column kind
    """
    chosen = ClassifyOptions(column=column, seed=seed, apply=apply, above=above, yes=yes)
    if (chosen.yes or _given("above")) and not chosen.apply:
        raise click.UsageError("--above and --yes go with --apply")
    with open_database(database) as conn:
        learning.check_library()
        embedded = registry.require_embedded(conn, table)
        source = tables.find(conn, embedded.table_name)
        name = labels.column_of(source, chosen.column)
        predictions.check_names(source)
        examples = read_examples(conn, source, name, embedded.dimension, chosen.seed)
        learnt = learning.learn(examples, chosen.seed)
        stored = classifiers.StoredClassifier(
            column=name,
            classifier=learnt.classifier,
            accuracy=learnt.accuracy,
            examples=len(examples.vectors),
            fingerprint=examples.fingerprint,
        )
        classifiers.write(conn, embedded, stored)
        rows = predictions.predict(conn, source, stored)
        click.echo(report(source.name, name, examples, learnt, rows), err=output != "table")
        if output != "table":
            found = predictions.read(conn, source, name)
            click.echo(formatted(found, source, output), nl=False)
        if chosen.apply:
            _apply(conn, source, name, learnt, chosen)


def _given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _apply(
    conn: sqlite3.Connection, source: Table, column: str, learnt: Learnt, chosen: ClassifyOptions
) -> None:
    """Write suggestions into the user's column, after the user has confirmed how many."""
    values = applying.values(conn, source, column, learnt.classifier.several, chosen.above)
    count = f"{len(values):,} row{'' if len(values) == 1 else 's'}"
    where = printable(f"{column} of {source.name}")
    if not values:
        click.echo(f"no suggestion has a probability of {chosen.above:g} or more", err=True)
        return
    if not chosen.yes:
        if not sys.stdin.isatty():
            raise RevimgError(
                f"--apply would write to {count} of {source.name}, and there is nobody to ask: "
                "add --yes to write them"
            )
        click.confirm(f"Write suggestions into {where} for {count}?", abort=True, err=True)
    written = labels.write(conn, source, column, values)
    click.echo(f"{where}: {written:,} suggestions written", err=True)


def report(table: str, column: str, examples: Examples, learnt: Learnt, predicted: int) -> str:
    """Return what was learnt, and how good it is, in lines of at most 80 characters."""
    used = len(examples.vectors)
    part = f" ({examples.labelled:,} have a label)" if examples.labelled > used else ""
    counts = ", ".join(f"{label} {count:,}" for label, count in examples.counts[:12])
    more = f" and {len(examples.counts) - 12} more" if len(examples.counts) > 12 else ""
    low, high = learning.interval(learnt.accuracy, used)
    what = "all labels right" if examples.several else "accuracy"
    lines = [
        f"{table}: {column} learnt from {used:,} examples{part}, "
        f"{learnt.classifier.parameters:,} parameters",
        *_wrapped(f"classes: {counts}{more}"),
        "",
        f"{what}, cross-validated: {learnt.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})",
        f"by the nearest neighbour: {learnt.nearest:.1%}, always the most common: "
        f"{learnt.majority:.1%}",
        *_warning(learnt, low),
        "",
        *(_f1(examples, learnt) if examples.several else _confusion(examples, learnt)),
        "",
        f"{predicted:,} other rows have a suggestion now",
    ]
    return "\n".join(printable(line) for line in lines)


def _warning(learnt: Learnt, low: float) -> list[str]:
    if low <= learnt.majority:
        return [
            "Don't rely on it: it isn't shown to be better than always saying the most common",
            "value. More examples may help, or the pictures don't show the difference.",
        ]
    if learnt.accuracy < learnt.nearest:
        return ["The nearest neighbour is right more often: more examples of each class may help."]
    return []


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= 80:
            lines.append(line)
            line = " "
        line = f"{line} {word}" if line else word
    return [*lines, line]


def _confusion(examples: Examples, learnt: Learnt) -> list[str]:
    """Return the table of true and predicted classes, or the most frequent mistakes."""
    counts = learning.confusion(examples.members, learnt.predicted)
    names = [str(label) for label in examples.classes]
    if len(names) <= _MOST_IN_TABLE:
        rows = [
            {"is / taken for": name, **dict(zip(names, row, strict=True))}
            for name, row in zip(names, counts.tolist(), strict=True)
        ]
        return listing.listing(rows, 80, whole=1)[0].splitlines()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_MISTAKES]
    mistakes = [
        (int(counts.flat[place]), *np.unravel_index(place, counts.shape)) for place in order
    ]
    lines = [
        f"  {names[is_]} taken for {names[for_]}: {count}" for count, is_, for_ in mistakes if count
    ]
    return ["the most frequent mistakes:", *lines] if lines else ["no mistakes"]


def _f1(examples: Examples, learnt: Learnt) -> list[str]:
    scores = learning.f1_scores(examples.members, learnt.predicted)
    rows = [
        {"label": str(label), "examples": count, "F1": score}
        for (label, count), score in zip(examples.counts, scores, strict=True)
    ]
    return listing.listing(rows, 80, whole=1)[0].splitlines()


def formatted(found: list[Prediction], source: Table, output: str) -> str:
    """Return the suggestions as JSON or CSV, the least certain first."""
    rows = [
        {
            "row": row_path(one.key),
            "label": one.label,
            "probability": round(one.probability, 6),
            "second": one.second,
        }
        for one in found
    ]
    return json_text(rows) if output == "json" else csv_text(rows, _SUGGESTION)
