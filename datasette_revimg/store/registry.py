"""The table ``_revimg_tables``: a record of each embedded table."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, fields

import sqlite_utils

from ..errors import NotEmbeddedError, OtherModelError
from .schema import column_names, exists
from .sql import PREFIX, fold_name, now
from .tables import find

REGISTRY = "_revimg_tables"


@dataclass(frozen=True, kw_only=True)
class EmbeddedTable:
    """A row of ``_revimg_tables``: an embedded table and where its vectors come from.

    ``kind`` is ``blob`` (``column_name`` holds the pictures) or ``path`` (it holds their paths).
    ``base_dir`` is relative to the database's folder where it can be, so that a database and
    its pictures can move together. ``updated`` is the time of the latest change, in UTC.
    """

    table_name: str
    column_name: str
    kind: str
    base_dir: str | None
    model: str
    weights_sha256: str
    dimension: int
    preprocessing: str
    updated: str | None = None

    def check_same_model(self, other: EmbeddedTable) -> None:
        """Raise OtherModelError unless the vectors of two tables can be compared."""
        if self._identity != other._identity:
            raise OtherModelError(
                f"{self.table_name!r} holds vectors of {self.model} ({self.weights_sha256[:12]}, "
                f"{self.preprocessing}) and {other.table_name!r} those of {other.model} "
                f"({other.weights_sha256[:12]}, {other.preprocessing}), which can't be compared: "
                "embed one of them again with --replace and the other's model"
            )

    def has_same_vectors(self, other: EmbeddedTable) -> bool:
        """Return whether the vectors come from the same column, by the same model."""
        return (self.column_name, self._identity) == (other.column_name, other._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.model, self.weights_sha256, self.preprocessing, self.dimension


_COLUMNS = [field.name for field in fields(EmbeddedTable)]

# SQL that is true of a record whose columns hold what they should.
_SOUND = " and ".join(
    [
        *(f"typeof({name}) = 'text'" for name in ("table_name", "column_name", "model")),
        *(f"typeof({name}) = 'text'" for name in ("weights_sha256", "preprocessing")),
        "kind in ('blob', 'path')",
        "typeof(base_dir) in ('text', 'null')",
        "typeof(updated) in ('text', 'null')",
        "typeof(dimension) = 'integer' and dimension between 1 and 65536",
    ]
)


def embedded_tables(conn: sqlite3.Connection) -> list[EmbeddedTable]:
    """Return the records of all embedded tables, by name.

    Left out are damaged ones, and what somebody else may have written: whoever may insert a row
    must not be able to break the pages of every table.
    """
    if not exists(conn, REGISTRY):
        return []
    cursor = conn.execute(f"{_select(conn)} where {_SOUND} order by table_name")
    return [EmbeddedTable(**dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def damaged_records(conn: sqlite3.Connection) -> list[str]:
    """Return the names of the tables whose record is damaged, without those that are no text."""
    if not exists(conn, REGISTRY):
        return []
    damaged = f"({_SOUND}) is not true and typeof(table_name) = 'text'"
    rows = conn.execute(f"{_select(conn)} where {damaged} order by table_name")
    return [row[0] for row in rows]


def check_record(conn: sqlite3.Connection, table: str) -> None:
    """Raise NotEmbeddedError when a table has vectors, but its record is damaged or gone.

    Then nobody knows what they were made with.
    """
    if embedded(conn, table) is None and "embedding" in column_names(conn, PREFIX + table):
        raise NotEmbeddedError(
            f"the record of {table!r} in {REGISTRY} is damaged or gone, so nobody knows which "
            "model made its vectors: run `datasette revimg embed --replace`"
        )


def check_unchanged(conn: sqlite3.Connection, expected: EmbeddedTable) -> None:
    """Check that a table's vectors still come from the same column, by the same model.

    Raises NotEmbeddedError or OtherModelError when another program has changed that.
    """
    recorded = embedded(conn, expected.table_name)
    if recorded is None:
        raise NotEmbeddedError(
            f"the vectors of {expected.table_name!r} were deleted meanwhile: run "
            "`datasette revimg embed` again"
        )
    if not recorded.has_same_vectors(expected):
        raise OtherModelError(
            f"another program has embedded {expected.table_name!r} anew meanwhile, its column "
            f"{recorded.column_name!r} with {recorded.model}: run this again"
        )


def embedded(conn: sqlite3.Connection, table: str) -> EmbeddedTable | None:
    """Return the record of one embedded table, None when it has not been embedded."""
    return next(
        (
            embedded
            for embedded in embedded_tables(conn)
            if fold_name(embedded.table_name) == fold_name(table)
        ),
        None,
    )


def require_embedded(conn: sqlite3.Connection, table: str) -> EmbeddedTable:
    """Return the record of an embedded table.

    Raises NotEmbeddedError when it has not been embedded, or its vectors' table is gone, or its
    record is; RevimgError when there is no such table.
    """
    recorded = embedded(conn, table)
    if recorded is None:
        find(conn, table)
        check_record(conn, table)
        raise NotEmbeddedError(f"{table!r} is not embedded yet: run `datasette revimg embed` first")
    if not exists(conn, PREFIX + recorded.table_name):
        raise NotEmbeddedError(
            f"the vectors of {recorded.table_name!r} are gone: run `datasette revimg embed` again"
        )
    return recorded


def create(conn: sqlite3.Connection) -> None:
    """Create the table where it is missing, and its columns where somebody has dropped some."""
    conn.execute(f"create table if not exists {REGISTRY} (table_name text primary key)")
    present = column_names(conn, REGISTRY)
    for name in _COLUMNS:
        if name not in present:
            kind = "integer" if name == "dimension" else "text"
            conn.execute(f"alter table {REGISTRY} add column {name} {kind}")


def _select(conn: sqlite3.Connection) -> str:
    """Return SQL that selects all records, with NULL in columns that somebody has dropped."""
    present = column_names(conn, REGISTRY)
    columns = [name if name in present else f"null as {name}" for name in _COLUMNS]
    return f"select * from (select {', '.join(columns)} from {REGISTRY})"


def record(conn: sqlite3.Connection, embedded: EmbeddedTable) -> None:
    """Write, within a transaction, the record of an embedded table, updated now."""
    database = sqlite_utils.Database(conn, execute_plugins=False)
    database.table(REGISTRY).upsert({**asdict(embedded), "updated": now()}, pk="table_name")


def touch(conn: sqlite3.Connection, table: str) -> None:
    """Record, within a transaction, that a table's vectors are updated now."""
    conn.execute(f"update {REGISTRY} set updated = ? where table_name = ?", [now(), table])


def delete(conn: sqlite3.Connection, table: str) -> None:
    """Delete, within a transaction, the record of an embedded table."""
    if exists(conn, REGISTRY):
        conn.execute(f"delete from {REGISTRY} where table_name = ? collate nocase", [table])


def count(conn: sqlite3.Connection) -> int:
    """Return how many records there are, damaged ones too."""
    if not exists(conn, REGISTRY):
        return 0
    (number,) = conn.execute(f"select count(*) from {REGISTRY}").fetchone()
    return int(number)
