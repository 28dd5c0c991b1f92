"""Compare the pictures of a table: every pair above a minimum, each once, exactly.

The new pictures are taken block by block, and each block is compared with all pictures before it
and with itself. Every block is one transaction, so that a run can be stopped at any time and the
next one goes on: it takes what is missing for new, whatever the reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..keys import Key
from ..store import code_tables, comparisons, reading
from ..store.comparisons import Pairs
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from . import block_pairs
from .lineup import Lineup, Part

# New pictures in a block.
BLOCK = 2048


@dataclass(frozen=True)
class Compared:
    """The outcome of a comparison.

    ``keys`` are those of the rows by the number of their picture, ``new`` how many pictures were
    compared now, ``width`` the numbers of each code that were used, 0 if none were.
    """

    keys: dict[int, list[Key]]
    hashes: dict[int, bytes]
    new: int
    width: int


def compare(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    minimum: float,
    where: str = "",
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> Compared:
    """Compare all rows that meet ``where``, an SQL condition, and record the pairs.

    Pairs that were recorded before stay, unless they began at a higher score. ``on_done`` is
    called after every block with the pictures compared so far and all that there are to compare.
    Raises RevimgError when there are too many pairs, or the table is changed meanwhile.
    """
    wanted = reading.content_hashes(conn, source, where)
    everything = reading.content_hashes(conn, source) if where else wanted
    recorded = comparisons.read_minimum(conn, embedded)
    if recorded is None or recorded > minimum:
        comparisons.start(conn, source, embedded, minimum)
    else:
        minimum = recorded
    by_hash: dict[bytes, list[Key]] = {}
    for key, content_hash in everything:
        by_hash.setdefault(content_hash, []).append(key)
    known = _without_gone(conn, source, by_hash)
    new = list(dict.fromkeys(content for _, content in wanted if content not in known))
    width = 0
    if new:
        width = _compare_new(conn, source, embedded, minimum, known, new, by_hash, on_done)
        known = comparisons.read_compared(conn, source.name)
    chosen: dict[int, list[Key]] = {}
    for key, content_hash in wanted:
        if content_hash in known:
            chosen.setdefault(known[content_hash], []).append(key)
    hashes = {number: content for content, number in known.items() if number in chosen}
    return Compared(chosen, hashes, len(new), width)


def _without_gone(
    conn: sqlite3.Connection, source: Table, by_hash: dict[bytes, list[Key]]
) -> dict[bytes, int]:
    """Return the compared pictures that a live row has, and forget the others."""
    known = comparisons.read_compared(conn, source.name)
    gone = [number for content, number in known.items() if content not in by_hash]
    if gone:
        comparisons.remove(conn, source.name, gone)
    return {content: number for content, number in known.items() if content in by_hash}


def _compare_new(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    minimum: float,
    known: dict[bytes, int],
    new: Sequence[bytes],
    by_hash: dict[bytes, list[Key]],
    on_done: Callable[[int, int], None],
) -> int:
    """Compare new pictures with the known ones and each other; return the codes' width."""
    state = code_tables.read_state(conn, source.name)
    hashes = [*known, *new]
    keys = [by_hash[content][0] for content in hashes]
    first = 1 + max(known.values(), default=0)
    plain = comparisons.read_plain(conn, source.name)
    numbers = [*known.values(), *range(first, first + len(new))]
    lineup = Lineup([Part(conn, source, keys)], embedded.dimension, np.isin(numbers, list(plain)))
    bounds = block_pairs.open_pairs_of(lineup, len(new), minimum)
    bounds.drop(np.flatnonzero(lineup.plain))
    recorded = comparisons.count_pairs(conn, source.name)
    number_of = np.array(numbers, np.int64)
    for start in range(len(known), len(keys), BLOCK):
        block = slice(start, min(start + BLOCK, len(keys)))
        before = lineup.plain.copy()
        found = block_pairs.block_pairs(lineup, bounds, block, block.stop, minimum)
        most = block_pairs.MOST_PAIRS - recorded
        pairs = block_pairs.joined(found, most, source.name, minimum)
        recorded += len(pairs)
        added = [place for place in range(block.start, block.stop) if lineup.present[place]]
        turned = np.flatnonzero(lineup.plain & ~before)
        comparisons.add(
            conn,
            source.name,
            [(numbers[place], hashes[place]) for place in added],
            [numbers[place] for place in turned],
            Pairs(number_of[pairs.first], number_of[pairs.second], pairs.scores),
            revision=state.revision if state else None,
        )
        on_done(block.stop - len(known), len(new))
    return bounds.width
