"""The codes of a table's vectors, a log in chunks.

Each row's code is appended in the transaction that writes its vector. The last entry of a key is
the one that holds, and a removed vector leaves an entry that says so. So a row is added without a
search for its place, and a reader who has read the log needs only its end to be up to date.
``upkeep`` writes it anew from time to time.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence

import numpy as np

from ..errors import CodesError
from ..keys import Key
from ..vectors import codes
from ..vectors.codes import Coded
from .code_chunks import CHUNK, read_chunks, read_revisions, write_chunks
from .code_keys import unpack
from .code_tables import (
    CODE_DTYPE,
    VERSION,
    CodesState,
    basis_table,
    new_number,
    read_basis,
    read_state,
    start_over,
)
from .sql import quote

# The residual of an entry that removes a key. Its square is a unit vector's length.
_REMOVED = -1.0


def holds_vector(residuals: np.ndarray) -> np.ndarray:
    """Return, bool (n,), which entries are vectors, and not notices that one was removed.

    ``residuals``, float32 (n,), are those of the entries.
    """
    return np.asarray(residuals >= 0)


def record(
    conn: sqlite3.Connection,
    table: str,
    keys: Sequence[Key],
    vectors: np.ndarray,
    removed: Sequence[Key],
    change: int,
) -> None:
    """Take note of changed vectors, within the transaction that changes them.

    ``vectors``, float32 (n, D), are written under ``keys``, those under ``removed`` are gone;
    there are ``change`` more than before.
    """
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
        # Only the vectors matter; the next upkeep makes codes of them again.
        start_over(conn, table)


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
