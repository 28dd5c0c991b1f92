"""Calibrate a table: sample what chance and what copies score, see ``vectors/calibration``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..errors import TooFewPicturesError
from ..keys import Key
from ..pictures.edits import EDITS, edited_arrays
from ..pictures.opening import ImageError
from ..pictures.plain import is_plain
from ..pictures.sizing import Size
from ..store import calibrations, decisions, reading, thumbnails
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import SIMILAR, Calibration, needed
from .chance import nearest_others

# Pictures that are edited, each in every way.
EDITED = 128

SEED = 2017

# Pictures per run of the network.
BATCH = 8

# The fewest pictures that can vouch for the rate of the lowest tier.
LEAST = needed(SIMILAR)

# A collection that has grown this much has other neighbours.
GROWTH = 1.5


@dataclass(frozen=True)
class Tools:
    """The pictures and the network of a calibration.

    ``read`` returns the bytes of a row's picture, None when it is gone. ``embed`` turns N pictures,
    uint8 (height, width, 3) each, of ``size`` (height, width) in pixels or, where that is None, of
    any, into unit vectors (N, D).
    """

    read: Callable[[Key], bytes | None]
    embed: Callable[[Sequence[np.ndarray]], np.ndarray]
    size: Size


def is_due(conn: sqlite3.Connection, source: Table, calibration: Calibration | None) -> bool:
    """Return whether a table has no calibration, or has grown out of it."""
    if calibration is None:
        return True
    return reading.count_vectors(conn, source) > GROWTH * calibration.vectors


def calibrate(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    tools: Tools,
    on_step: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> Calibration:
    """Sample a table, keep its calibration and return it.

    The same table always gives the same one. ``on_step`` is called with the name of the step and
    how much of it is done. Raises TooFewPicturesError when there are too few.
    """
    by_hash = reading.one_row_each(conn, source)
    pictures = [(key, content_hash) for content_hash, key in by_hash.items()]
    done = 0

    def on_rows(rows: int) -> None:
        nonlocal done
        done += rows
        on_step("comparing", done, len(pictures))

    same = decisions.read_same(conn, source.name)
    chance = nearest_others(conn, source, pictures, SEED, same, on_rows)
    if len(chance) < LEAST:
        raise TooFewPicturesError(
            f"{source.name!r} has {len(chance)} different pictures to calibrate with, and "
            f"{LEAST} are needed to say what chance is: use --min with a cosine"
        )
    copies = _copies(conn, source, [key for key, _ in pictures], tools, on_step)
    calibration = Calibration(chance, copies, reading.count_vectors(conn, source))
    calibrations.write(conn, embedded, calibration)
    return calibration


def _copies(
    conn: sqlite3.Connection,
    source: Table,
    keys: Sequence[Key],
    tools: Tools,
    on_step: Callable[[str, int, int], None],
) -> dict[str, np.ndarray]:
    """Return the cosines of pictures with each of their edits, ascending."""
    rows = []
    total = min(EDITED, len(keys))
    for key, arrays in _edited(conn, source, keys, tools):
        for _, original in reading.vectors_of(conn, source, [key]):
            batches = [arrays[at : at + BATCH] for at in range(0, len(arrays), BATCH)]
            rows.append(np.concatenate([tools.embed(some) for some in batches]) @ original[0])
            on_step("editing", len(rows), total)
        if len(rows) == total:
            break
    scores = np.sort(np.array(rows, np.float32).reshape(len(rows), len(EDITS)), axis=0)
    return {edit: scores[:, number] for number, edit in enumerate(EDITS)}


def _edited(
    conn: sqlite3.Connection, source: Table, keys: Sequence[Key], tools: Tools
) -> Iterator[tuple[Key, list[np.ndarray]]]:
    """Yield pictures in a random order with their edits, the next one made meanwhile."""
    order = np.random.default_rng(SEED + 1).permutation(len(keys)).tolist()
    with ThreadPoolExecutor(1, thread_name_prefix="revimg-edit") as executor:
        pending = None
        for place in order:
            key = keys[place]
            (small,) = thumbnails.read_many(conn, source, [key])
            data = None if small is None or is_plain(small) else tools.read(key)
            if data is None:
                continue
            following = key, executor.submit(edited_arrays, data, tools.size, place)
            if pending:
                yield from _finished(*pending)
            pending = following
        if pending:
            yield from _finished(*pending)


def _finished(key: Key, future: Future[list[np.ndarray]]) -> Iterator[tuple[Key, list[np.ndarray]]]:
    """Yield the edits when they are made, nothing for a picture that can't be used any more."""
    try:
        yield key, future.result()
    except ImageError:
        return
