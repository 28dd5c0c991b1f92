"""What can be taught from one deck, and how often that is right for the cards of the other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasette_revimg.store import reading, registry, tables
from datasette_revimg.teaching import learning
from datasette_revimg.teaching.examples import read_examples
from decks import DECKS

SEED = 0

# Jacks, queens and kings are the court.
COLUMNS = {
    "suit": "suit",
    "rank": "rank",
    "number or court": "iif(rank in ('jack', 'queen', 'king'), 'court', 'number')",
}


class Lesson(NamedTuple):
    """A column taught from the ``deck``, and how often each way is right for the other deck.

    ``taught`` is the share of cards that the learnt classifier names rightly, ``nearest`` that of
    the nearest neighbour's value, ``majority`` that of the value that most of the cards have.
    """

    column: str
    deck: str
    taught: float
    nearest: float
    majority: float


def lessons(path: Path) -> list[Lesson]:
    """Teach each of the columns from each deck. RevimgError without scikit-learn."""
    learning.check_library()
    with closing(sqlite3.connect(path)) as stored, closing(sqlite3.connect(":memory:")) as conn:
        # In a copy: there, a column is empty for the cards that are not taught from.
        stored.backup(conn)
        conn.execute("alter table cards add column lesson text")
        return [
            _lesson(conn, column, sql, deck) for column, sql in COLUMNS.items() for deck in DECKS
        ]


def _lesson(conn: sqlite3.Connection, column: str, sql: str, deck: str) -> Lesson:
    conn.execute(f"update cards set lesson = iif(deck = ?, {sql}, null)", [deck])
    source = tables.find(conn, "cards")
    dimension = registry.require_embedded(conn, "cards").dimension
    examples = read_examples(conn, source, "lesson", dimension, SEED)
    others = conn.execute(f"select id, {sql} from cards where deck != ? order by id", [deck])
    keys, values = zip(*(((id_,), value) for id_, value in others), strict=True)
    vectors = reading.vectors_in_order(conn, source, keys)
    classifier = learning.learn(examples, SEED).classifier
    truth = np.array([classifier.classes.index(value) for value in values])
    return Lesson(
        column=column,
        deck=deck,
        taught=_share(classifier.probabilities(vectors).argmax(axis=1) == truth),
        nearest=_share(examples.places[(vectors @ examples.vectors.T).argmax(axis=1)] == truth),
        majority=float(np.bincount(truth).max() / len(truth)),
    )


def _share(right: np.ndarray) -> float:
    return float(np.mean(right))


def table(found: list[Lesson]) -> str:
    """Return the shares in lines, one a column and deck."""
    title = "Taught from one deck, right for the other"
    lines = [f"{title:42}{'taught':>8}{'nearest':>9}{'majority':>10}"]
    for one in found:
        other = next(deck for deck in DECKS if deck != one.deck)
        lines.append(
            f"  {one.column + f', {one.deck} to {other}':40}"
            f"{one.taught:8.1%}{one.nearest:9.1%}{one.majority:10.1%}"
        )
    return "\n".join(lines)
