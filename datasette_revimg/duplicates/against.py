"""Find the pictures of one table in another, of the same database or of another file.

Nothing is stored: whose result it would be, and for how long it holds, depends on both tables. The
decisions that are stored with either of them apply, because they name pictures by their content.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..store import code_tables, decisions, reading
from ..store.comparisons import Pairs
from ..store.decisions import DIFFERENT, ordered
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import SAME_FILE, Calibration
from . import block_pairs
from .compare import BLOCK
from .lineup import Lineup, Part


@dataclass(frozen=True)
class Side:
    """One of two tables that are compared, and the connection to its database."""

    conn: sqlite3.Connection
    source: Table
    embedded: EmbeddedTable

    @property
    def revision(self) -> int | None:
        """The revision of its vectors."""
        state = code_tables.read_state(self.conn, self.source.name)
        return state.revision if state else None


@dataclass(frozen=True)
class Match:
    """A row of the other table, the score with it, and what that means; None: not calibrated."""

    key: Key
    score: float
    tier: str | None


@dataclass(frozen=True)
class FoundRow:
    """A row whose picture is in the other table, and the rows that it has there, the best first."""

    key: Key
    matches: list[Match]


@dataclass(frozen=True)
class FoundAgainst:
    """The rows that were found in the other table, in the keys' order.

    ``pictures`` are the different ones that were compared, ``others`` those of the other table.
    ``plain`` counts the rows that hold too little to tell, as far as anybody has looked.
    """

    rows: list[FoundRow]
    pictures: int
    others: int
    plain: int


# The rows that have a picture, by its content hash.
_Rows = dict[bytes, list[Key]]


def find_against(
    here: Side,
    there: Side,
    minimum: float | None,
    calibration: Calibration | None,
    where: str = "",
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> FoundAgainst:
    """Return the rows of one table that score ``minimum`` or more with a row of another.

    Without a minimum, these are the rows with the same file alone. ``where`` is an SQL condition
    that the rows of the first table meet. ``on_done`` is called with how many of their pictures are
    compared, and all there are. Raises OtherModelError when the vectors can't be compared, and
    RevimgError when there are too many pairs or a table is changed meanwhile.
    """
    here.embedded.check_same_model(there.embedded)
    revisions = here.revision, there.revision
    own, others = _rows_by_hash(here, where), _rows_by_hash(there)
    scores = {(content, content): 1.0 for content in own.keys() & others.keys()}
    plain = 0
    if minimum is not None and own and others:
        similar, plain = _similar(here, there, own, others, minimum, on_done)
        scores = similar | scores
    if (here.revision, there.revision) != revisions:
        raise RevimgError(
            f"{here.source.name!r} or {there.source.name!r} was changed meanwhile: run this again"
        )
    rows = _found_rows(here, there, own, others, scores, calibration)
    return FoundAgainst(rows=rows, pictures=len(own), others=len(others), plain=plain)


def _rows_by_hash(side: Side, where: str = "") -> _Rows:
    rows: _Rows = {}
    for key, content_hash in reading.content_hashes(side.conn, side.source, where):
        rows.setdefault(content_hash, []).append(key)
    return rows


def _similar(
    here: Side,
    there: Side,
    own: _Rows,
    others: _Rows,
    minimum: float,
    on_done: Callable[[int, int], None],
) -> tuple[dict[tuple[bytes, bytes], float], int]:
    """Return the scores of similar pictures by (own, other) hash, and how many own rows are plain.

    The pictures of the other table come first in the lineup.
    """
    hashes = [*others, *own]
    keys = [rows[0] for rows in (*others.values(), *own.values())]
    before = len(others)
    parts = (
        Part(there.conn, there.source, keys[:before]),
        Part(here.conn, here.source, keys[before:]),
    )
    lineup = Lineup(parts, here.embedded.dimension, np.zeros(len(keys), bool))
    bounds = block_pairs.open_pairs_of(lineup, len(own), minimum)
    scores: dict[tuple[bytes, bytes], float] = {}
    for start in range(before, len(keys), BLOCK):
        block = slice(start, min(start + BLOCK, len(keys)))
        found = block_pairs.block_pairs(lineup, bounds, block, before, minimum)
        most = block_pairs.MOST_PAIRS - len(scores)
        pairs: Pairs = block_pairs.joined(found, most, here.source.name, minimum)
        for other, one, score in zip(pairs.first, pairs.second, pairs.scores, strict=True):
            scores[hashes[one], hashes[other]] = float(score)
        on_done(block.stop - before, len(own))
    plain = np.flatnonzero(lineup.plain[before:] & lineup.present[before:])
    return scores, sum(len(own[hashes[before + place]]) for place in plain)


def _found_rows(
    here: Side,
    there: Side,
    own: _Rows,
    others: _Rows,
    scores: Mapping[tuple[bytes, bytes], float],
    calibration: Calibration | None,
) -> list[FoundRow]:
    """Return the rows of the pairs that nobody has called different, in the keys' order."""
    different = {
        one.pair
        for side in (here, there)
        for one in decisions.read(side.conn, side.source.name)
        if one.decision == DIFFERENT
    }
    matches: dict[bytes, list[Match]] = {}
    count = 0
    for (content, other), score in scores.items():
        if ordered(content, other) in different:
            continue
        tier = SAME_FILE if content == other else calibration.tier(score) if calibration else None
        matches.setdefault(content, []).extend(Match(key, score, tier) for key in others[other])
        count += len(own[content]) * len(others[other])
        if count > block_pairs.MOST_PAIRS:
            raise RevimgError(
                f"more than {block_pairs.MOST_PAIRS:,} pairs of rows of {here.source.name!r} and "
                f"{there.source.name!r} are alike: choose a higher --min, or some rows by --where"
            )
    best_first = {
        content: sorted(some, key=lambda match: (-match.score, match.tier != SAME_FILE))
        for content, some in matches.items()
    }
    found = {key: best_first[content] for content in best_first for key in own[content]}
    in_order = reading.content_hashes(here.conn, here.source)
    return [FoundRow(key, found[key]) for key, _ in in_order if key in found]
