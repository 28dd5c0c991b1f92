"""The chunks of the log of codes: how they are written, read and checked."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CodesError
from ..keys import Key
from ..vectors.codes import Coded
from .code_keys import PackedKeys, pack, unpack
from .code_tables import (
    CODE_DTYPE,
    LENGTH_TOLERANCE,
    CodesState,
    codes_table,
    new_number,
)
from .schema import exists
from .sql import placeholders, quote

# Entries of a chunk: 256 KB of 256-float codes. A batch is appended by writing one chunk again.
CHUNK = 256


@dataclass(frozen=True)
class Chunk:
    """Some entries of the log: keys, codes and residuals, and the revision that wrote them."""

    number: int
    revision: int
    packed: PackedKeys
    coded: Coded

    def __len__(self) -> int:
        return len(self.coded.residuals)


def read_revisions(conn: sqlite3.Connection, table: str, generation: int) -> list[int]:
    """Return the revision of each chunk of a generation, in order."""
    rows = conn.execute(
        f"select revision from {quote(codes_table(table))} where generation = ? order by chunk",
        [generation],
    )
    return [row[0] for row in rows]


def read_chunks(
    conn: sqlite3.Connection, table: str, state: CodesState, first: int = 0
) -> Iterator[Chunk]:
    """Yield the log's chunks from number ``first`` on.

    CodesError when entries are missing or damaged.
    """
    if not exists(conn, codes_table(table)):
        raise CodesError("their table is gone")
    checksum_column = "checksum" if state.has_checksums else "null"
    cursor = conn.execute(
        f"select chunk, revision, keys, residuals, codes, {checksum_column} "
        f"from {quote(codes_table(table))} where generation = ? and chunk >= ? order by chunk",
        [state.generation, first],
    )
    cursor.row_factory = None
    with closing(cursor):
        yield from _checked(cursor, state, first)


def write_chunks(
    conn: sqlite3.Connection,
    table: str,
    generation: int,
    first: int,
    keys: Sequence[Key],
    coded: Coded,
) -> None:
    """Write entries as the chunks from ``first`` on, which they replace."""
    revision = new_number()
    for start in range(0, len(keys), CHUNK):
        part = slice(start, start + CHUNK)
        packed = pack(keys[part])
        chunk = Coded(
            coded.codes[part].astype(CODE_DTYPE), coded.residuals[part].astype(CODE_DTYPE)
        )
        conn.execute(
            f"insert or replace into {quote(codes_table(table))} "
            "(generation, chunk, revision, keys, residuals, codes, checksum) "
            f"values ({placeholders(7)})",
            [
                generation,
                first + start // CHUNK,
                revision,
                packed,
                chunk.residuals.tobytes(),
                chunk.codes.tobytes(),
                _checksum(packed, chunk),
            ],
        )


def _checked(rows: Iterable[Any], state: CodesState, first: int) -> Iterator[Chunk]:
    expected = max(0, state.coded - first * CHUNK)
    for number, (chunk, revision, keys, residuals, blob, checksum) in enumerate(rows, start=first):
        size = min(CHUNK, expected)
        if (
            chunk != number
            or not (isinstance(residuals, bytes) and isinstance(blob, bytes))
            or not isinstance(keys, bytes | str)
            or len(residuals) != size * CODE_DTYPE.itemsize
            or len(blob) != size * state.width * CODE_DTYPE.itemsize
        ):
            raise CodesError(f"chunk {number} has another size than it should")
        coded = Coded(
            np.frombuffer(blob, CODE_DTYPE).reshape(size, state.width),
            np.frombuffer(residuals, CODE_DTYPE),
        )
        if state.has_checksums:
            intact = _checksum(keys, coded) == checksum
        else:
            intact = _is_plausible(keys, coded)
        if not intact:
            raise CodesError(f"chunk {number} is damaged")
        expected -= size
        yield Chunk(number, revision, keys, coded)
    if expected:
        raise CodesError(f"{expected} entries are missing")


def _checksum(packed: PackedKeys, coded: Coded) -> int:
    """Return a CRC-32 of a chunk's keys, its residuals and its codes.

    Of the codes it takes the sums of their bits along rows and columns, as 64-bit words: a
    quarter of the time that the codes themselves would take.
    """
    bits = np.ascontiguousarray(coded.codes, CODE_DTYPE)
    if bits.shape[1] % 2:
        bits = np.pad(bits, ((0, 0), (0, 1)))
    words = bits.view("<u8")
    crc = zlib.crc32(packed.encode() if isinstance(packed, str) else packed)
    for part in (coded.residuals.astype(CODE_DTYPE), words.sum(axis=0), words.sum(axis=1)):
        crc = zlib.crc32(part.tobytes(), crc)
    return crc


def _is_plausible(packed: PackedKeys, coded: Coded) -> bool:
    """Check a chunk that has no checksum.

    It must have as many keys as codes, and each code the length 1 together with its residual,
    which nothing has that isn't finite.
    """
    lengths = np.vecdot(coded.codes, coded.codes) + coded.residuals**2
    unit = np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE)
    return bool(unit) and len(unpack(packed)) == len(coded.residuals)
