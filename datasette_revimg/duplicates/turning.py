"""Embed the other seven orientations of each picture of a table, once, and keep them rounded.

Every group of pictures is one transaction: a run can be stopped at any time, and the next one takes
those that are missing. A row with another picture than before has another content hash, so its
orientations are made anew.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ..keys import Key
from ..pictures.decoding import decode
from ..pictures.opening import ImageError
from ..pictures.orientations import OTHERS, other_orientations
from ..pictures.sizing import Size
from ..store import orientations, reading, thumbnails
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.rounded import round_vectors
from .calibrate import Tools

# Pictures whose orientations the network gets at once, and that are stored in one transaction.
NETWORK_BATCH = 4
STORED_AT_ONCE = 32


def missing(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, where: str = ""
) -> list[tuple[bytes, Key]]:
    """Return content hash and key of one row of each picture without its orientations.

    ``where`` is an SQL condition that the rows meet.
    """
    known = orientations.read_hashes(conn, embedded)
    by_hash = reading.one_row_each(conn, source, where)
    return [(content, key) for content, key in by_hash.items() if content not in known]


def embed_orientations(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    pictures: Sequence[tuple[bytes, Key]],
    tools: Tools,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Embed the orientations of these pictures and keep them; return how many couldn't be.

    ``pictures`` are as ``missing`` returns them. Where the original is gone or can't be read, its
    thumbnail takes its place; a picture that has neither can't be turned. ``on_done`` is called
    with the pictures done and their number.
    """
    orientations.start(conn, source, embedded)
    turned = _turned(conn, source, pictures, tools)
    done = left_out = 0
    while group := list(itertools.islice(turned, STORED_AT_ONCE)):
        whole = [(content_hash, arrays) for content_hash, arrays in group if arrays]
        left_out += len(group) - len(whole)
        vectors = [
            tools.embed([array for _, arrays in batch for array in arrays])
            for batch in (
                whole[at : at + NETWORK_BATCH] for at in range(0, len(whole), NETWORK_BATCH)
            )
        ]
        each = [part for batch in vectors for part in np.split(batch, len(batch) // len(OTHERS))]
        orientations.write(
            conn,
            source,
            embedded,
            [
                (content_hash, round_vectors(part))
                for (content_hash, _), part in zip(whole, each, strict=True)
            ],
        )
        done += len(group)
        on_done(done, len(pictures))
    return left_out


def _turned(
    conn: sqlite3.Connection, source: Table, pictures: Sequence[tuple[bytes, Key]], tools: Tools
) -> Iterator[tuple[bytes, list[np.ndarray]]]:
    """Yield content hash and orientations of each picture, the next one decoded meanwhile.

    There are no orientations of one that can't be decoded.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="revimg-turn") as executor:
        pending: tuple[bytes, Future[list[np.ndarray]]] | None = None
        for content_hash, key in pictures:
            original = tools.read(key)
            if original is not None and hashlib.sha256(original).digest() != content_hash:
                # The row has got another one since it was embedded.
                original = None
            sources = [original, *thumbnails.read_many(conn, source, [key])]
            future = executor.submit(_orientations, sources, tools.size)
            if pending:
                yield pending[0], pending[1].result()
            pending = content_hash, future
        if pending:
            yield pending[0], pending[1].result()


def _orientations(sources: Sequence[bytes | None], size: Size) -> list[np.ndarray]:
    """Return the orientations of the first of these pictures that can be decoded, or none."""
    for data in sources:
        if data is not None:
            try:
                return other_orientations(decode(data, size).array, size)
            except ImageError:
                continue
    return []
