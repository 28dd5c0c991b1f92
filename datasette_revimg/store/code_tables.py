"""The tables of compact codes, ``_revimg_TABLE_basis`` and ``_revimg_TABLE_codes``.

Row 0 of the basis table is the state of a table's vectors. Row n holds the directions along which
the codes of generation n are coordinates: a row of its own, because the state is written with
every vector. The codes are a log, see ``code_log``.

Every transaction that changes vectors gives the state another ``revision``, a random number: two
readers who see the same revision see the same vectors.

Version 1 had no checksums. It is read as it is; ``migrations`` turns it into version 2.
"""

from __future__ import annotations

import secrets
import sqlite3
import zlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..errors import CodesError
from .schema import exists
from .sql import PREFIX, quote

# The version that is written.
VERSION = 2

_WITHOUT_CHECKSUMS = 1
_READABLE = (_WITHOUT_CHECKSUMS, VERSION)

CODE_DTYPE = np.dtype("<f4")

# How far a squared length may be from the 1 that it should be, where no checksum can be compared.
LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class CodesState:
    """The state of a table's vectors and codes, known without reading them.

    ``vectors`` is their number. ``generation`` names the codes in use, None without any;
    ``coded`` is the number of their entries, ``width`` of floats in a code, ``fitted`` of the
    vectors in the table when the basis was fitted. ``residual`` is the mean squared residual that
    was expected then, and ``added_residual`` the sum over the ``added`` vectors since.
    """

    version: int
    revision: int
    vectors: int
    generation: int | None
    coded: int
    width: int
    fitted: int
    residual: float
    added: int
    added_residual: float

    @property
    def has_checksums(self) -> bool:
        """Whether the codes and their basis can be compared with checksums."""
        return self.version != _WITHOUT_CHECKSUMS


# A whole number may be stored for a real one.
_TYPES: dict[str, Any] = {"int": int, "int | None": int | None, "float": int | float}
_COLUMNS = {field.name: _TYPES[str(field.type)] for field in fields(CodesState)}


def codes_table(table: str) -> str:
    """Return the name of the table that holds the codes of ``table``."""
    return f"{PREFIX}{table}_codes"


def basis_table(table: str) -> str:
    """Return the name of the table that holds the state and the basis of ``table``'s codes."""
    return f"{PREFIX}{table}_basis"


def create(conn: sqlite3.Connection, table: str) -> None:
    """Create the two tables where they are missing, and anew where they have another version."""
    basis, log = quote(basis_table(table)), quote(codes_table(table))
    if version(conn, table) not in (None, VERSION):
        conn.execute(f"drop table {basis}")
        conn.execute(f"drop table if exists {log}")
    conn.execute(
        f"create table if not exists {basis} "
        "(number integer primary key, version integer, revision integer, "
        "vectors integer, generation integer, coded integer, width integer, fitted integer, "
        "residual real, added integer, added_residual real, "
        "pairs integer, sampled integer, background blob, directions blob, checksum integer)"
    )
    conn.execute(
        f"create table if not exists {log} (generation integer, chunk integer, "
        "revision integer, keys blob, residuals blob, codes blob, checksum integer, "
        "primary key (generation, chunk))"
    )
    if read_state(conn, table) is None:
        conn.execute(f"insert or replace into {basis} (number, version) values (0, ?)", [VERSION])
        start_over(conn, table)


def read_state(conn: sqlite3.Connection, table: str) -> CodesState | None:
    """Return the state of a table's vectors and codes.

    None where it can't be known: the table was never embedded, or by a version that isn't
    readable, or the state is damaged.
    """
    if version(conn, table) not in _READABLE:
        return None
    cursor = conn.execute(
        f"select {', '.join(_COLUMNS)} from {quote(basis_table(table))} where number = 0"
    )
    cursor.row_factory = None
    row = cursor.fetchone()
    if row is None or not all(map(isinstance, row, _COLUMNS.values())):
        return None
    return CodesState(**dict(zip(_COLUMNS, row, strict=True)))


def is_unreadable(conn: sqlite3.Connection, table: str) -> bool:
    """Return whether there are codes, but of a version that this program doesn't know."""
    return version(conn, table) not in (None, *_READABLE)


def version(conn: sqlite3.Connection, table: str) -> Any:
    """Return the version of a table's codes as it is stored, None where there are none."""
    if not exists(conn, basis_table(table)):
        return None
    row = conn.execute(f"select version from {quote(basis_table(table))} limit 1").fetchone()
    return row[0] if row else None


def read_basis(
    conn: sqlite3.Connection, table: str, state: CodesState, dimension: int
) -> np.ndarray:
    """Return the basis of the codes in use, float32 (d, D). CodesError when it is damaged."""
    checksum_column = "checksum" if state.has_checksums else "null"
    row = conn.execute(
        f"select directions, {checksum_column} from {quote(basis_table(table))} where number = ?",
        [state.generation],
    ).fetchone()
    blob, checksum = row or (None, None)
    if not isinstance(blob, bytes) or len(blob) != state.width * dimension * CODE_DTYPE.itemsize:
        raise CodesError("the basis has another size than it should")
    basis = np.frombuffer(blob, CODE_DTYPE).reshape(state.width, dimension)
    if state.has_checksums:
        intact = zlib.crc32(blob) == checksum
    else:
        intact = bool(np.all(np.abs(np.vecdot(basis, basis) - 1) < LENGTH_TOLERANCE))
    if not intact:
        raise CodesError("the basis is damaged")
    return basis


def start_over(conn: sqlite3.Connection, table: str) -> None:
    """Forget the codes and count the vectors.

    Until there are codes again, searches read the vectors themselves.
    """
    conn.execute(
        f"update {quote(basis_table(table))} set revision = ?, "
        f"vectors = (select count(*) from {quote(PREFIX + table)}), generation = null, coded = 0, "
        "width = 0, fitted = 0, residual = 0, added = 0, added_residual = 0 where number = 0",
        [new_number()],
    )
    discard_unused(conn, table)


def discard_unused(conn: sqlite3.Connection, table: str) -> None:
    """Delete all chunks and directions except those in use."""
    state = read_state(conn, table)
    keep = state.generation if state else None
    conn.execute(f"delete from {quote(codes_table(table))} where generation is not ?", [keep])
    conn.execute(
        f"delete from {quote(basis_table(table))} where number != 0 and number is not ?", [keep]
    )


def codes_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Return the bytes that a table's codes and their basis take."""
    if read_state(conn, table) is None:
        return 0
    (basis,) = conn.execute(
        f"select coalesce(sum(length(directions)), 0) from {quote(basis_table(table))}"
    ).fetchone()
    (log,) = conn.execute(
        "select coalesce(sum(length(codes) + length(residuals) + length(keys)), 0) "
        f"from {quote(codes_table(table))}"
    ).fetchone()
    return int(basis + log)


def new_number() -> int:
    """Return a random number for a revision or a generation: at least 1, below 2⁶²."""
    return 1 + secrets.randbits(62)
