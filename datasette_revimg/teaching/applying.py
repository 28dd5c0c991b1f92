"""Which suggestions are good enough to be written into the user's column."""

from __future__ import annotations

import json
import sqlite3

from ..keys import Key
from ..store import predictions
from ..store.tables import Table
from ..vectors.classifier import Label


def values(
    conn: sqlite3.Connection, source: Table, column: str, several: bool, above: float
) -> list[tuple[Key, Label]]:
    """Return the values to write: key and label, by probability, of ``above`` at least.

    Where a row may have several labels, its value is the JSON array of those that are likely
    enough.
    """
    likely = [one for one in predictions.read(conn, source, column) if one.probability >= above]
    if not several:
        return [(one.key, one.label) for one in likely]
    together: dict[Key, list[Label]] = {}
    for one in sorted(likely, key=lambda one: -one.probability):
        together.setdefault(one.key, []).append(one.label)
    return [(key, json.dumps(some, ensure_ascii=False)) for key, some in together.items()]
