"""A row as pages show it: its address, its label, and the size of its picture."""

from __future__ import annotations

from urllib.parse import urlencode

from ..keys import Key, row_path
from ..search.rows import Row
from ..store.tables import Table
from .compat import Datasette

# What people call the column that names a row.
_NAMES = {"name", "title", "label", "caption"}

# Small pictures may be shown larger than they are, up to here.
MAX_ENLARGEMENT = 2.0


def label_column(rows: list[Row], source: Table, given: str | None) -> str | None:
    """Return the column that names a row for a reader; None when that is its key.

    ``given`` is Datasette's choice, which may be the key itself. Without one: a column that is
    called a name, or else one of words that tells all these rows apart.
    """
    if given and given not in source.key_columns:
        return given
    named = next((name for name in source.columns if name.lower() in _NAMES), None)
    if named or not rows or any(isinstance(part, str) for part in rows[0].key):
        return named
    return next((name for name in source.columns if _tells_apart(rows, name)), None)


def _tells_apart(rows: list[Row], column: str) -> bool:
    values = [row.columns.get(column) for row in rows]
    words = [value for value in values if isinstance(value, str) and value.strip()]
    return len(set(words)) == len(rows)


def label_of(row: Row, column: str | None) -> str:
    """Return a row's label: its value in this column, or its key."""
    value = row.columns.get(column) if column else None
    return ", ".join(map(str, row.key)) if value in (None, "") else str(value)


def row_url(datasette: Datasette, database: str, source: Table, key: Key, page: str = "") -> str:
    """Return the address of a row, or of one of our pages about it, such as ``similar``."""
    url: str = datasette.urls.row(database, source.name, row_path(key))
    return below(url, page) if page else url


def below(url: str, page: str) -> str:
    """Return the address of one of our pages about the row, or the table, at an address."""
    # Added, not formatted: Datasette's URL type remembers that it has its base_url already.
    return url + f"/-/{page}"


def search_url(datasette: Datasette, database: str, table: str) -> str:
    """Return the address of a table's reverse image search."""
    return below(datasette.urls.table(database, table), "similar")


def duplicates_url(datasette: Datasette, database: str, table: str, key: Key | None = None) -> str:
    """Return the address of a table's duplicates, or of those of one row."""
    url = below(datasette.urls.table(database, table), "duplicates")
    return url if key is None else url + f"?{urlencode([('_row', row_path(key))])}"


def displayed(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height at which to show a picture in a box.

    Known in advance, they keep the page still when the picture arrives; a small one isn't blown
    up.
    """
    scale = min(box[0] / size[0], box[1] / size[1], MAX_ENLARGEMENT)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
