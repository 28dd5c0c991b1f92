"""Compare the pictures of a table: every pair above a minimum, each once, exactly.

The new pictures are taken block by block, and each block is compared with all pictures before it
and with itself. Bounds decide nearly all pairs; only those that they leave open are computed from
the vectors, in float64. Every block is one transaction, so that a run can be stopped at any time
and the next one goes on: it takes what is missing for new, whatever the reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..pictures.plain import is_plain
from ..store import code_tables, comparisons, reading, thumbnails
from ..store.comparisons import Pairs
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.codes import EPSILON
from .bounds import Bounds, reaching
from .coded import read_codes

# New pictures in a block, and pictures that a block is compared with at once.
BLOCK = 2048
CHUNK = 4096

# Where bounds leave more pairs open than this share, the vectors are multiplied as a whole.
_DENSE = 0.01

# Pairs that are computed in float64 at once.
_AT_ONCE = 1024

# More pairs than this are nobody's duplicates, and the groups are formed in memory.
MOST_PAIRS = 2_000_000


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


@dataclass
class _Run:
    """The state of one run: pictures by their place, the compared ones first."""

    conn: sqlite3.Connection
    source: Table
    minimum: float
    numbers: list[int]
    hashes: list[bytes]
    keys: list[Key]
    checked: np.ndarray
    plain: np.ndarray


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
    coded, present = read_codes(conn, source, embedded, keys)
    first = 1 + max(known.values(), default=0)
    plain = comparisons.read_plain(conn, source.name)
    numbers = [*known.values(), *range(first, first + len(new))]
    run = _Run(
        conn=conn,
        source=source,
        minimum=minimum,
        numbers=numbers,
        hashes=hashes,
        keys=keys,
        checked=np.zeros(len(keys), bool),
        plain=np.isin(numbers, list(plain)) | ~present,
    )
    bounds = Bounds(coded, minimum, len(new) * len(keys))
    del coded
    bounds.drop(np.flatnonzero(run.plain))
    memory = np.empty((BLOCK, CHUNK), np.float32)
    recorded = comparisons.count_pairs(conn, source.name)
    for start in range(len(known), len(keys), BLOCK):
        block = slice(start, min(start + BLOCK, len(keys)))
        before = run.plain.copy()
        pairs = _joined(list(_block_pairs(run, bounds, block, memory, MOST_PAIRS - recorded)))
        recorded += len(pairs)
        added = [place for place in range(block.start, block.stop) if present[place]]
        turned = np.flatnonzero(run.plain & ~before)
        comparisons.add(
            conn,
            source.name,
            [(numbers[place], hashes[place]) for place in added],
            [numbers[place] for place in turned],
            pairs,
            revision=state.revision if state else None,
        )
        on_done(block.stop - len(known), len(new))
    return bounds.width


def _block_pairs(
    run: _Run, bounds: Bounds, block: slice, memory: np.ndarray, most: int
) -> Iterator[Pairs]:
    """Yield the pairs of a block with all pictures before it and with itself."""
    own: np.ndarray | None = None
    found = 0
    for start in range(0, block.stop, CHUNK):
        chunk = slice(start, min(start + CHUNK, block.stop))
        rows, pairs_open = bounds.open_pairs(block, chunk, memory)
        if not len(rows):
            continue
        if own is None:
            own = _vectors(run, np.arange(block.start, block.stop))
        width = chunk.stop - chunk.start
        if np.count_nonzero(pairs_open) > _DENSE * len(own) * width:
            others = _vectors(run, np.arange(chunk.start, chunk.stop))
            cosines = np.matmul(own, others.T, out=memory[: len(own), :width])
            rows, pairs_open = reaching(cosines, np.float32(run.minimum - EPSILON))
        # Of one dimension: numpy takes ten times as long for two.
        places, columns = np.divmod(np.flatnonzero(pairs_open), width)
        first, second = columns + chunk.start, rows[places] + block.start
        once = (first < second) & ~run.plain[first] & ~run.plain[second]
        for pairs in _decide(run, first[once], second[once], own, block.start):
            bounds.drop(np.flatnonzero(run.plain))
            found += len(pairs)
            if found > most:
                raise RevimgError(
                    f"more than {MOST_PAIRS:,} pairs of {run.source.name!r} score {run.minimum:g} "
                    "or more: choose a higher --min"
                )
            yield pairs


def _decide(
    run: _Run, first: np.ndarray, second: np.ndarray, own: np.ndarray, start: int
) -> Iterator[Pairs]:
    """Yield those of the open pairs that reach the minimum, and are of pictures that tell.

    ``second`` are places in a block that begins at ``start`` and has the vectors ``own``.
    """
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    wanted = np.unique(first)
    for at in range(0, len(wanted), reading.SCAN_ROWS):
        some = wanted[at : at + reading.SCAN_ROWS]
        low, high = np.searchsorted(first, [some[0], some[-1] + 1])
        others = _vectors(run, some).astype(np.float64)
        for begin in range(low, high, _AT_ONCE):
            part = slice(begin, min(begin + _AT_ONCE, high))
            a, b = first[part], second[part]
            # The part before may have shown that more of them are plain.
            tell = ~run.plain[a] & ~run.plain[b]
            a, b = a[tell], b[tell]
            scores = np.vecdot(others[np.searchsorted(some, a)], own[b - start].astype(np.float64))
            enough = scores >= run.minimum
            a, b, scores = a[enough], b[enough], scores[enough]
            _check_plain(run, np.union1d(a, b))
            tell = ~run.plain[a] & ~run.plain[b]
            a, b, scores = a[tell], b[tell], scores[tell]
            if len(scores):
                numbers = np.asarray(run.numbers)
                yield Pairs(numbers[a], numbers[b], np.clip(scores, -1, 1))


def _check_plain(run: _Run, places: np.ndarray) -> None:
    """Look at the thumbnails of pictures that nobody has looked at yet."""
    places = places[~run.checked[places]]
    small = thumbnails.read_many(run.conn, run.source, [run.keys[place] for place in places])
    for place, thumbnail in zip(places, small, strict=True):
        run.plain[place] = thumbnail is not None and is_plain(thumbnail)
    run.checked[places] = True


def _vectors(run: _Run, places: np.ndarray) -> np.ndarray:
    """Return the vectors of the pictures at these places, float32 (n, D), zeros for none."""
    at = {run.keys[place]: number for number, place in enumerate(places)}
    vectors: np.ndarray | None = None
    for keys, matrix in reading.vectors_of(run.conn, run.source, list(at)):
        if vectors is None:
            vectors = np.zeros((len(places), matrix.shape[1]), np.float32)
        vectors[[at[key] for key in keys]] = matrix
    return np.zeros((len(places), 1), np.float32) if vectors is None else vectors


def _joined(parts: Sequence[Pairs]) -> Pairs:
    if not parts:
        none = np.empty(0, np.int64)
        return Pairs(none, none, np.empty(0))
    return Pairs(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
