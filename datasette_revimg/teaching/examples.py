"""The rows to learn from: those whose column has a value, and their vectors."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..store import labels, reading
from ..store.tables import Table
from ..vectors.classifier import Label

# What a run holds in memory of the examples' vectors.
MOST_BYTES = 160 << 20

# Classes that can be learnt: more are a column of names or numbers, not of kinds.
MOST_CLASSES = 200


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled rows: ``vectors`` float32 (n, D), and of each row whether it has each class.

    ``members`` is bool (n, C). ``labelled`` is how many rows have a label; where that is more than
    n, the others were left out by chance. ``fingerprint`` is that of all labels.
    """

    classes: tuple[Label, ...]
    vectors: np.ndarray
    members: np.ndarray
    several: bool
    labelled: int
    fingerprint: str

    @property
    def places(self) -> np.ndarray:
        """The place of each row's only class, int64 (n,)."""
        return np.asarray(self.members.argmax(axis=1))

    @property
    def counts(self) -> list[tuple[Label, int]]:
        """The classes, and how many of the rows have each."""
        return list(zip(self.classes, self.members.sum(axis=0).tolist(), strict=True))


def read_examples(
    conn: sqlite3.Connection, source: Table, column: str, dimension: int, seed: int
) -> Examples:
    """Return the examples of a column, in the order of their keys.

    Where every value is a JSON array, a row has the classes in it, any number of them. Raises
    RevimgError when there is too little to learn from, naming what is missing.
    """
    found = labels.read(conn, source, column)
    if not found:
        raise RevimgError(
            f"no row of {source.name!r} with a vector has a value in {column!r}: fill in some rows "
            "of each kind, and run `datasette revimg embed` if they are new"
        )
    several = all(_is_array(label) for _, label in found)
    sets = [_array(source, key, label) if several else (label,) for key, label in found]
    classes = _classes(source, column, sets, several)
    most = max(2 * len(classes), MOST_BYTES // (4 * dimension))
    chosen = _sample(sets, most, seed)
    keys = [found[place][0] for place in chosen]
    places = {label: place for place, label in enumerate(classes)}
    members = np.zeros((len(chosen), len(classes)), bool)
    for row, place in enumerate(chosen):
        members[row, [places[label] for label in sets[place]]] = True
    return Examples(
        classes=classes,
        vectors=reading.vectors_in_order(conn, source, keys),
        members=members,
        several=several,
        labelled=len(found),
        fingerprint=labels.fingerprint(found),
    )


def _is_array(label: Label) -> bool:
    return isinstance(label, str) and label.lstrip().startswith("[")


def _array(source: Table, key: Key, label: Label) -> tuple[Label, ...]:
    """Return the labels in a JSON array, each once."""
    try:
        values = json.loads(str(label))
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(
        isinstance(one, str | int | float) for one in values
    ):
        raise RevimgError(
            f"row {', '.join(map(str, key))} of {source.name!r} has {str(label)[:40]!r}, "
            "which is no JSON array of labels as the other rows have"
        )
    return tuple(dict.fromkeys(values))


def _classes(
    source: Table, column: str, sets: Sequence[tuple[Label, ...]], several: bool
) -> tuple[Label, ...]:
    """Return the classes in order. RevimgError if they can't be learnt."""
    counts = Counter(label for one in sets for label in one)
    classes = tuple(sorted(counts, key=lambda label: (isinstance(label, str), label)))
    few = [repr(label) for label in classes if counts[label] < 2]
    if several:
        few += [
            repr(label) for label in classes if counts[label] > len(sets) - 2 and counts[label] > 1
        ]
    if len(classes) > MOST_CLASSES or (len(few) == len(classes) and len(classes) > 2):
        raise RevimgError(
            f"{column!r} of {source.name!r} has {len(classes):,} different values in {len(sets):,} "
            f"rows: at most {MOST_CLASSES} can be learnt, with two examples or more of each"
        )
    if len(classes) < 2 and not several:
        raise RevimgError(
            f"all examples in {column!r} of {source.name!r} are {classes[0]!r}: there must be "
            "another value to tell it from"
        )
    if not classes:
        raise RevimgError(f"all arrays in {column!r} of {source.name!r} are empty")
    if few:
        need = "two examples at least, and two rows without it" if several else "two examples"
        raise RevimgError(
            f"{column!r} of {source.name!r} needs {need} of every value, and has too few of "
            f"{', '.join(few[:5])}{' and others' if len(few) > 5 else ''}: label more rows, or "
            "clear these"
        )
    return classes


def _sample(sets: Sequence[tuple[Label, ...]], most: int, seed: int) -> list[int]:
    """Return at most ``most`` places, in order; each class keeps its share, and two at least."""
    if len(sets) <= most:
        return list(range(len(sets)))
    order = np.random.default_rng(seed).permutation(len(sets)).tolist()
    seen: Counter[Label] = Counter()
    first = []
    for place in order:
        if any(seen[label] < 2 for label in sets[place]):
            first.append(place)
            seen.update(sets[place])
    kept = set(first)
    rest = [place for place in order if place not in kept]
    return sorted([*first, *rest[: max(0, most - len(first))]])
