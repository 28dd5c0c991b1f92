"""*Find similar* on Datasette's own pages: in the picture's cell and in the row's menu."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from datasette.utils import is_url
from datasette.utils.asgi import Request
from markupsafe import Markup

from ..errors import NewerVersionError
from ..keys import Key, row_path
from ..store import thumbnails
from ..store.sql import fold_name
from ..store.tables import Table
from .compat import Datasette
from .requests.reading import read
from .rows import displayed, row_url
from .work.state import state_of

# The room for a picture in a table's cell, in CSS pixels.
_CELL_BOX = (160, 120)

_CELL = Markup(
    '<div class="revimg-cell"><a href="{similar}" tabindex="-1" aria-hidden="true">'
    '<img src="{thumbnail}" width="{width}" height="{height}" loading="lazy" alt=""></a>'
    '<a href="{similar}">Find similar</a> <span>{original}</span></div>'
)
_LINK = Markup('<a href="{url}">{url}</a>')
_BLOB = Markup('<a class="blob-download" href="{url}">{size} bytes</a>')


async def render(
    datasette: Datasette, database: str, table: str, row: sqlite3.Row, column: str, value: Any
) -> Markup | None:
    """Return the cell that shows the row's picture, None for every other cell."""
    known = (await state_of(datasette).registry(datasette.get_database(database))).table(table)
    if known is None or fold_name(known.cell_column) != fold_name(column):
        return None
    source = known.source
    key = _key(source, row)
    size = await _size(datasette, database, source, key)
    if size is None:
        return None
    original: Any = value
    if isinstance(value, bytes):
        url = datasette.urls.row_blob(database, source.name, row_path(key), column)
        original = _BLOB.format(url=url, size=f"{len(value):,}")
    elif is_url(str(value).strip()):
        original = _LINK.format(url=value)
    return _cell(datasette, database, source, key, size, "" if value is None else original)


async def render_result(
    datasette: Datasette,
    database: str,
    row: sqlite3.Row,
    column: str,
    value: Any,
    request: Request | None,
) -> Markup | None:
    """Return the cell of a query's result that shows the picture of a row, None for all others.

    A result may be more public than the table that it was made of. So nothing is shown to those
    who may not view the table, not even its name. A cell drawn for no request is for everybody.
    """
    state, db = state_of(datasette), datasette.get_database(database)
    known, names = await state.registry(db), tuple(row.keys())
    shown = await state.database(db).results.get(datasette, db, known, names, request)
    keys = shown.get(fold_name(column))
    key = keys.key(row, value) if keys else None
    if keys is None or key is None:
        return None
    size = await _size(datasette, database, keys.source, key)
    if size is None:
        return None
    original = _LINK.format(url=value) if is_url(str(value).strip()) else value
    return _cell(datasette, database, keys.source, key, size, original)


def _cell(
    datasette: Datasette,
    database: str,
    source: Table,
    key: Key,
    size: tuple[int, int],
    original: Any,
) -> Markup:
    width, height = displayed(size, _CELL_BOX)
    return _CELL.format(
        similar=row_url(datasette, database, source, key, "similar"),
        thumbnail=row_url(datasette, database, source, key, "thumbnail"),
        width=width,
        height=height,
        original=original,
    )


async def action(
    datasette: Datasette, database: str, table: str, row: sqlite3.Row
) -> list[dict[str, str]]:
    """Return the item of the row's menu, none for a row without a vector."""
    known = (await state_of(datasette).registry(datasette.get_database(database))).table(table)
    if known is None:
        return []
    source = known.source
    key = _key(source, row)
    if await _size(datasette, database, source, key) is None:
        return []
    return [
        {
            "href": row_url(datasette, database, source, key, "similar"),
            "label": "Find similar",
            "description": f"Rows of {source.name} whose pictures look like this one.",
        }
    ]


def _key(source: Table, row: sqlite3.Row) -> Key:
    # A key that is a foreign key too comes with its label.
    values = (row[name] for name in source.key_columns)
    return tuple(value["value"] if isinstance(value, Mapping) else value for value in values)


async def _size(
    datasette: Datasette, database: str, source: Table, key: Key
) -> tuple[int, int] | None:
    db = datasette.get_database(database)
    try:
        sizes = await read(db, lambda conn: thumbnails.read_sizes(conn, source, [key]))
    except NewerVersionError:
        # It came since the registry was read.
        return None
    return sizes.get(key)
