"""What is known of a row's picture without reading it: its size, its bytes, its dates."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..keys import Key
from . import thumbnails
from .file_table import COLUMNS
from .registry import EmbeddedTable
from .sql import equalities, quote
from .tables import Table


@dataclass(frozen=True)
class PictureFacts:
    """A picture's width and height in pixels, its bytes, and its dates; None for what is unknown.

    ``taken`` is when the photograph was taken, ``modified`` when the file was last changed, both
    ISO 8601.
    """

    width: int | None
    height: int | None
    bytes: int | None
    taken: str | None
    modified: str | None

    @property
    def pixels(self) -> int:
        """How many pixels it has, 0 where that isn't known."""
        return (self.width or 0) * (self.height or 0)


def read_facts(
    conn: sqlite3.Connection, source: Table, embedded: EmbeddedTable, keys: Sequence[Key]
) -> dict[Key, PictureFacts]:
    """Return what is known of the pictures of these rows.

    Dates and the size of a file are known in a table that was made from files.
    """
    made_from_files = source.key_columns == ("path",) and set(COLUMNS) <= set(source.columns)
    size = "size" if made_from_files else "null"
    if embedded.kind == "blob":
        column = quote(embedded.column_name)
        size = f"iif(typeof({column}) = 'blob', length({column}), null)"
    dates = "taken, mtime" if made_from_files else "null, null"
    condition = equalities(source.key_columns)
    query = f"select {size}, {dates} from {quote(source.name)} where {condition}"
    sizes = thumbnails.read_sizes(conn, source, keys)
    facts = {}
    for key in keys:
        cursor = conn.execute(query, key)
        cursor.row_factory = None
        count, taken, modified = cursor.fetchone() or (None, None, None)
        width, height = sizes.get(key, (None, None))
        facts[key] = PictureFacts(
            width=width,
            height=height,
            bytes=count if isinstance(count, int) and count > 0 else None,
            taken=_text(taken),
            modified=_text(modified),
        )
    return facts


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
