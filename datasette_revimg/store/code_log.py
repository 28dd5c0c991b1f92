"""The tables of compact codes: ``_revimg_TABLE_basis`` and ``_revimg_TABLE_codes``.

Row 0 of the basis is the state of a table's vectors. Row n holds the directions that the codes of
generation n are coordinates along, apart, because the state is written with every vector.

The codes are a log in chunks: each row's code is appended in the transaction that writes its
vector, the last entry of a key is the one that holds, and a removed vector leaves an entry that
says so. So a row is added without a search for its place, and whoever has read the log has only
to read its end to be up to date. ``upkeep`` writes it anew from time to time.

Every transaction that changes vectors gives the basis another ``revision``, a random number: who
has read the vectors at the same revision has read the same vectors.
"""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import Field, dataclass, fields
from typing import Any

import numpy as np

from ..keys import Key
from ..vectors import codes
from ..vectors.codes import Coded
from ..vectors.percentiles import FRACTIONS, Distribution
from .schema import exists
from .sql import PREFIX, placeholders, quote

# Of what these two tables hold. Codes of another version are not read, but made anew.
VERSION = 2

# Entries of a chunk: 256 KB of 256-float codes. A batch is appended by writing one chunk again.
CHUNK = 256

CODE_DTYPE = np.dtype("<f4")
_INTEGER_KEYS = np.dtype("<i8")

# The residual that says: this key has no vector any more. Its square is a unit vector's length.
_REMOVED = -1.0

_STATE = "revision, vectors, generation, coded, width, fitted, residual, added, added_residual"

PackedKeys = bytes | str


class CodesError(Exception):
    """The codes can't be used, and why."""


@dataclass(frozen=True)
class State:
    """What is known about a table's vectors without reading them.

    ``vectors``: how many there are. ``generation`` names the codes in use, None without any;
    ``coded``: their entries, ``width``: floats a code, ``fitted``: for how many vectors the basis
    was fitted. ``residual``: the mean squared residual to expect then; ``added_residual``: the
    sum of those of the ``added`` ones since.
    """

    revision: int
    vectors: int
    generation: int | None
    coded: int
    width: int
    fitted: int
    residual: float
    added: int
    added_residual: float


@dataclass(frozen=True)
class Chunk:
    """Some entries of the log: keys, codes and residuals, and the revision that wrote them."""

    number: int
    revision: int
    packed: PackedKeys
    coded: Coded

    def __len__(self) -> int:
        return len(self.coded.residuals)


def codes_table(table: str) -> str:
    return f"{PREFIX}{table}_codes"


def basis_table(table: str) -> str:
    return f"{PREFIX}{table}_basis"


def create(conn: sqlite3.Connection, table: str) -> None:
    """Create the two tables where they are missing, and empty ones of another version."""
    basis, log = quote(basis_table(table)), quote(codes_table(table))
    if is_of_another_version(conn, table):
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
    if state(conn, table) is None:
        conn.execute(f"insert or replace into {basis} (number, version) values (0, ?)", [VERSION])
        start_over(conn, table)


def state(conn: sqlite3.Connection, table: str) -> State | None:
    """None where nothing is known: never embedded, or by another version, or damaged."""
    if _version(conn, table) != VERSION:
        return None
    cursor = conn.execute(f"select {_STATE} from {quote(basis_table(table))} where number = 0")
    cursor.row_factory = None
    row = cursor.fetchone()
    if row is None or not all(map(_fits, fields(State), row)):
        return None
    return State(*row)


def _fits(field: Field[Any], value: Any) -> bool:
    # A whole number may be stored for a real one.
    kinds = {"int": int, "int | None": int | None, "float": int | float}
    return isinstance(value, kinds[str(field.type)])


def is_of_another_version(conn: sqlite3.Connection, table: str) -> bool:
    return _version(conn, table) not in (None, VERSION)


def _version(conn: sqlite3.Connection, table: str) -> Any:
    if not exists(conn, basis_table(table)):
        return None
    row = conn.execute(f"select version from {quote(basis_table(table))} limit 1").fetchone()
    return row[0] if row else None


def directions(conn: sqlite3.Connection, table: str, known: State, dimension: int) -> np.ndarray:
    """The basis float32 (d, D) of the codes in use. CodesError when it isn't one."""
    row = conn.execute(
        f"select directions, checksum from {quote(basis_table(table))} where number = ?",
        [known.generation],
    ).fetchone()
    blob, checksum = row or (None, None)
    if not isinstance(blob, bytes) or len(blob) != known.width * dimension * CODE_DTYPE.itemsize:
        raise CodesError("the basis has another size than it should")
    if zlib.crc32(blob) != checksum:
        raise CodesError("the basis is damaged")
    return np.frombuffer(blob, CODE_DTYPE).reshape(known.width, dimension)


def revisions(conn: sqlite3.Connection, table: str, generation: int) -> list[int]:
    """The revision of each chunk, in order."""
    rows = conn.execute(
        f"select revision from {quote(codes_table(table))} where generation = ? order by chunk",
        [generation],
    )
    return [row[0] for row in rows]


def chunks(conn: sqlite3.Connection, table: str, known: State, first: int = 0) -> Iterator[Chunk]:
    """The log from a chunk on. CodesError when entries are missing or damaged."""
    if not exists(conn, codes_table(table)):
        raise CodesError("their table is gone")
    cursor = conn.execute(
        "select chunk, revision, keys, residuals, codes, checksum "
        f"from {quote(codes_table(table))} where generation = ? and chunk >= ? order by chunk",
        [known.generation, first],
    )
    cursor.row_factory = None
    with closing(cursor):
        yield from _checked(cursor, known, first)


def _checked(rows: Iterable[Any], known: State, first: int) -> Iterator[Chunk]:
    expected = max(0, known.coded - first * CHUNK)
    for number, (chunk, revision, keys, residuals, blob, checksum) in enumerate(rows, start=first):
        size = min(CHUNK, expected)
        if (
            chunk != number
            or not (isinstance(residuals, bytes) and isinstance(blob, bytes))
            or not isinstance(keys, bytes | str)
            or len(residuals) != size * CODE_DTYPE.itemsize
            or len(blob) != size * known.width * CODE_DTYPE.itemsize
        ):
            raise CodesError(f"chunk {number} has another size than it should")
        coded = Coded(
            np.frombuffer(blob, CODE_DTYPE).reshape(size, known.width),
            np.frombuffer(residuals, CODE_DTYPE),
        )
        if _checksum(keys, coded) != checksum:
            raise CodesError(f"chunk {number} is damaged")
        expected -= size
        yield Chunk(number, revision, keys, coded)
    if expected:
        raise CodesError(f"{expected} entries are missing")


def _checksum(packed: PackedKeys, coded: Coded) -> int:
    """Of all that a chunk holds: CRC-32 of its keys, residuals, and the sums of its codes' bits
    along and across, in words of 64 bits, which takes a quarter of the time of the codes' own."""
    bits = np.ascontiguousarray(coded.codes, CODE_DTYPE)
    if bits.shape[1] % 2:
        bits = np.pad(bits, ((0, 0), (0, 1)))
    words = bits.view("<u8")
    crc = zlib.crc32(packed.encode() if isinstance(packed, str) else packed)
    for part in (coded.residuals.astype(CODE_DTYPE), words.sum(axis=0), words.sum(axis=1)):
        crc = zlib.crc32(part.tobytes(), crc)
    return crc


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
    known = state(conn, table)
    if known is None or not (len(keys) or len(removed)):
        return
    conn.execute(
        f"update {quote(basis_table(table))} set revision = ?, vectors = vectors + ? "
        "where number = 0",
        [new_number(), change],
    )
    if known.generation is None:
        return
    try:
        _append(conn, table, known, keys, vectors, removed)
    except CodesError:
        # The vectors are what counts; the next upkeep makes codes of them again.
        start_over(conn, table)


def _append(
    conn: sqlite3.Connection,
    table: str,
    known: State,
    keys: Sequence[Key],
    vectors: np.ndarray,
    removed: Sequence[Key],
) -> None:
    entries = list(keys) + list(removed)
    gone = Coded(
        np.zeros((len(removed), known.width), CODE_DTYPE),
        np.full(len(removed), _REMOVED, CODE_DTYPE),
    )
    added = gone
    if len(keys):
        added = codes.encode(directions(conn, table, known, vectors.shape[1]), vectors)
        added = joined([added, gone])
    conn.execute(
        f"update {quote(basis_table(table))} set coded = coded + ?, added = added + ?, "
        "added_residual = added_residual + ? where number = 0",
        [len(entries), len(keys), float((added.residuals[: len(keys)] ** 2).sum())],
    )
    first, taken = divmod(known.coded, CHUNK)
    if taken:
        (last,) = chunks(conn, table, known, first)
        entries = [*unpack(last.packed), *entries]
        added = joined([last.coded, added])
    write_chunks(conn, table, known.generation or 0, first, entries, added)


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
            f"insert or replace into {quote(codes_table(table))} values ({placeholders(7)})",
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
    revision: int,
    generation: int,
    basis: np.ndarray,
    entries: int,
    residual: float,
) -> bool:
    """Make the written chunks of a generation the codes in use, unless the vectors are no longer
    at the revision that they were made of, or another run has taken the chunks for leftovers;
    returns whether."""
    if len(revisions(conn, table, generation)) != -(-entries // CHUNK):
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
            revision,
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


def discard_unused(conn: sqlite3.Connection, table: str) -> None:
    """Delete all chunks and directions but those in use."""
    known = state(conn, table)
    keep = known.generation if known else None
    conn.execute(f"delete from {quote(codes_table(table))} where generation is not ?", [keep])
    conn.execute(
        f"delete from {quote(basis_table(table))} where number != 0 and number is not ?", [keep]
    )


def stored_bytes(conn: sqlite3.Connection, table: str) -> int:
    """Bytes of codes and their basis."""
    if state(conn, table) is None:
        return 0
    (basis,) = conn.execute(
        f"select coalesce(sum(length(directions)), 0) from {quote(basis_table(table))}"
    ).fetchone()
    (log,) = conn.execute(
        "select coalesce(sum(length(codes) + length(residuals) + length(keys)), 0) "
        f"from {quote(codes_table(table))}"
    ).fetchone()
    return int(basis + log)


def start_over(conn: sqlite3.Connection, table: str) -> None:
    """Forget the codes, and count the vectors; until there are codes again, searches read the
    vectors themselves."""
    conn.execute(
        f"update {quote(basis_table(table))} set revision = ?, "
        f"vectors = (select count(*) from {quote(PREFIX + table)}), generation = null, coded = 0, "
        "width = 0, fitted = 0, residual = 0, added = 0, added_residual = 0 where number = 0",
        [new_number()],
    )
    discard_unused(conn, table)


def background(conn: sqlite3.Connection, table: str) -> Distribution | None:
    """None when no pairs were sampled yet."""
    if _version(conn, table) != VERSION:
        return None
    row = conn.execute(
        f"select pairs, sampled, background from {quote(basis_table(table))} where number = 0"
    ).fetchone()
    pairs, sampled, blob = row or (None, None, None)
    if not isinstance(blob, bytes) or len(blob) != len(FRACTIONS) * CODE_DTYPE.itemsize:
        return None
    if not (isinstance(pairs, int) and isinstance(sampled, int)):
        return None
    return Distribution(np.frombuffer(blob, CODE_DTYPE), pairs, sampled)


def write_background(conn: sqlite3.Connection, table: str, sampled: Distribution) -> None:
    conn.execute(
        f"update {quote(basis_table(table))} set pairs = ?, sampled = ?, background = ? "
        "where number = 0",
        [sampled.pairs, sampled.vectors, sampled.quantiles.astype(CODE_DTYPE).tobytes()],
    )


def joined(parts: Sequence[Coded]) -> Coded:
    return Coded(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.residuals for part in parts]),
    )


def is_current(residuals: np.ndarray) -> np.ndarray:
    """Which entries of the log are vectors, and not the notice that one was removed."""
    return np.asarray(residuals >= 0)


def pack(keys: Sequence[Key]) -> PackedKeys:
    """Keys as they are kept: 8 bytes each where all are single integers, else JSON."""
    if all(len(key) == 1 and type(key[0]) is int for key in keys):
        return np.array([key[0] for key in keys], _INTEGER_KEYS).tobytes()
    plain = [
        [
            {"$base64": True, "encoded": base64.b64encode(part).decode()}
            if isinstance(part, bytes)
            else part
            for part in key
        ]
        for key in keys
    ]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def integers(packed: PackedKeys) -> np.ndarray | None:
    """The keys as int64, where all of them are single integers."""
    return np.frombuffer(packed, _INTEGER_KEYS) if isinstance(packed, bytes) else None


def unpack(packed: PackedKeys) -> list[Key]:
    """CodesError when these aren't keys."""
    try:
        whole = integers(packed)
        if whole is not None:
            return [(key,) for key in whole.tolist()]
        return [
            tuple(
                base64.b64decode(part["encoded"]) if isinstance(part, dict) else part
                for part in key
            )
            for key in json.loads(packed)
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise CodesError("the keys are damaged") from error


def new_number() -> int:
    """A revision or a generation: not zero, and of a size that SQLite's integers have."""
    return 1 + secrets.randbits(62)
