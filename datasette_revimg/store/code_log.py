"""The codes of a table's vectors, a log in chunks.

Each row's code is appended in the transaction that writes its vector. The last entry of a key is
the one that holds, and a removed vector leaves an entry that says so. So a row is added without a
search for its place, and a reader who has read the log needs only its end to be up to date.
``upkeep`` writes it anew from time to time.
"""

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
from ..vectors import codes
from ..vectors.codes import Coded
from .code_keys import PackedKeys, pack, unpack
from .code_tables import (
    CODE_DTYPE,
    LENGTH_TOLERANCE,
    VERSION,
    CodesState,
    basis_table,
    codes_table,
    new_number,
    read_basis,
    read_state,
    start_over,
)
from .schema import exists
from .sql import placeholders, quote

# Entries of a chunk: 256 KB of 256-float codes. A batch is appended by writing one chunk again.
CHUNK = 256

# The residual of an entry that removes a key. Its square is a unit vector's length.
_REMOVED = -1.0


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
    """Yield the log's chunks from number ``first`` on. CodesError when entries are missing or
    damaged."""
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


def holds_vector(residuals: np.ndarray) -> np.ndarray:
    """Return, bool (n,), which of the entries with these residuals are vectors, and not notices
    that one was removed."""
    return np.asarray(residuals >= 0)


def record(
    conn: sqlite3.Connection,
    table: str,
    keys: Sequence[Key],
    vectors: np.ndarray,
    removed: Sequence[Key],
    change: int,
) -> None:
    """Take note, within the transaction that changes them, of vectors float32 (n, D) written
    under ``keys`` and of ``removed`` ones; there are ``change`` more than before."""
    state = read_state(conn, table)
    if state is None or not (len(keys) or len(removed)):
        return
    conn.execute(
        f"update {quote(basis_table(table))} set revision = ?, vectors = vectors + ? "
        "where number = 0",
        [new_number(), change],
    )
    if state.generation is None:
        return
    try:
        _append(conn, table, state, keys, vectors, removed)
    except CodesError:
        # The vectors are what counts; the next upkeep makes codes of them again.
        start_over(conn, table)


def write_chunks(
    conn: sqlite3.Connection,
    table: str,
    generation: int,
    first: int,
    keys: Sequence[Key],
    coded: Coded,
) -> None:
    """Write entries as the chunks from ``first`` on, in place of what these hold."""
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


def adopt(
    conn: sqlite3.Connection,
    table: str,
    before: CodesState,
    *,
    generation: int,
    basis: np.ndarray,
    entries: int,
    residual: float,
) -> bool:
    """Make a generation, whose chunks are written, the codes in use; return whether it was done.

    It isn't when the vectors have changed since the state ``before``, of which the codes were
    made, or when another run has taken the chunks for leftovers and deleted them. ``entries`` is
    the number of codes, ``residual`` their mean squared residual to expect.
    """
    if len(read_revisions(conn, table, generation)) != -(-entries // CHUNK):
        return False
    adopted = conn.execute(
        f"update {quote(basis_table(table))} set revision = ?, generation = ?, coded = ?, "
        "width = ?, fitted = ?, residual = ?, added = 0, added_residual = 0 "
        "where number = 0 and revision = ? and vectors = ?",
        [
            new_number(),
            generation,
            entries,
            len(basis),
            entries,
            residual,
            before.revision,
            entries,
        ],
    ).rowcount
    if adopted:
        blob = basis.astype(CODE_DTYPE).tobytes()
        conn.execute(
            f"insert into {quote(basis_table(table))} (number, version, directions, checksum) "
            "values (?, ?, ?, ?)",
            [generation, VERSION, blob, zlib.crc32(blob)],
        )
    return bool(adopted)


def _append(
    conn: sqlite3.Connection,
    table: str,
    state: CodesState,
    keys: Sequence[Key],
    vectors: np.ndarray,
    removed: Sequence[Key],
) -> None:
    entries = list(keys) + list(removed)
    gone = Coded(
        np.zeros((len(removed), state.width), CODE_DTYPE),
        np.full(len(removed), _REMOVED, CODE_DTYPE),
    )
    added = gone
    if len(keys):
        added = codes.encode(read_basis(conn, table, state, vectors.shape[1]), vectors)
        added = _joined([added, gone])
    conn.execute(
        f"update {quote(basis_table(table))} set coded = coded + ?, added = added + ?, "
        "added_residual = added_residual + ? where number = 0",
        [len(entries), len(keys), float((added.residuals[: len(keys)] ** 2).sum())],
    )
    first, taken = divmod(state.coded, CHUNK)
    if taken:
        (last,) = read_chunks(conn, table, state, first)
        entries = [*unpack(last.packed), *entries]
        added = _joined([last.coded, added])
    write_chunks(conn, table, state.generation or 0, first, entries, added)


def _joined(parts: Sequence[Coded]) -> Coded:
    return Coded(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.residuals for part in parts]),
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
    """Return a CRC-32 over all that a chunk holds: its keys, its residuals, and the sums of its
    codes' bits along rows and columns, as 64-bit words, which takes a quarter of the time that
    the codes themselves would."""
    bits = np.ascontiguousarray(coded.codes, CODE_DTYPE)
    if bits.shape[1] % 2:
        bits = np.pad(bits, ((0, 0), (0, 1)))
    words = bits.view("<u8")
    crc = zlib.crc32(packed.encode() if isinstance(packed, str) else packed)
    for part in (coded.residuals.astype(CODE_DTYPE), words.sum(axis=0), words.sum(axis=1)):
        crc = zlib.crc32(part.tobytes(), crc)
    return crc


def _is_plausible(packed: PackedKeys, coded: Coded) -> bool:
    """Check a chunk that has no checksum: it has as many keys as codes, and each code has the
    length 1 together with its residual, which nothing has that isn't finite."""
    lengths = np.vecdot(coded.codes, coded.codes) + coded.residuals**2
    unit = np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE)
    return bool(unit) and len(unpack(packed)) == len(coded.residuals)
