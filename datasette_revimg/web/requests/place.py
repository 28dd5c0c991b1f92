"""The embedded table that a request is about, once the actor is allowed to view it."""

from __future__ import annotations

import os
import shlex
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasette import Forbidden
from datasette.utils import tilde_decode
from datasette.utils.asgi import Request

from ...embedding.base import base_folder
from ...embedding.columns import may_hold_pictures
from ...errors import NewerVersionError, RevimgError
from ...keys import Key, parse_row_path
from ...search.cache import Cache
from ...search.rows import Row, json_columns
from ...store import registry, tables
from ...store.registry import EmbeddedTable
from ...store.tables import Table
from .. import compat, permissions, settings
from .. import rows as page_rows
from ..compat import Database, Datasette
from ..problems import Problem
from ..rows import row_url
from ..work.state import state_of
from .reading import read


@dataclass(frozen=True)
class Place:
    """The embedded table that a request is about, which the actor may view."""

    datasette: Datasette
    request: Request
    db: Database
    embedded: EmbeddedTable
    source: Table
    private: bool

    @property
    def base(self) -> Path | None:
        """The folder that the table's paths start from; None when its files may not be read.

        That is so for a database without a file, and for a folder that is neither below the
        database's own nor named in the configuration: the database itself has no say in which
        folders of the server are read.
        """
        if not self.db.path:
            return None
        database = Path(self.db.path)
        base = base_folder(database, self.embedded)
        real = Path(os.path.realpath(base))
        allowed = map(os.path.realpath, (database.absolute().parent, *self.settings.base_dirs))
        return base if any(real.is_relative_to(folder) for folder in allowed) else None

    @property
    def indexes(self) -> Cache:
        """The search indexes of the database's tables."""
        return state_of(self.datasette).database(self.db).search

    @property
    def row(self) -> tuple[str, ...]:
        """The row's key, in the texts of its address."""
        return parse_row_path(self.request.url_vars["pks"])

    def url(self, key: Key, page: str = "") -> str:
        """Return the address of a row, or of one of our pages about it."""
        return row_url(self.datasette, self.db.name, self.source, key, page)

    def duplicates_url(self, key: Key | None = None) -> str:
        """Return the address of the table's duplicates, or of those of one row."""
        return page_rows.duplicates_url(self.datasette, self.db.name, self.source.name, key)

    @property
    def settings(self) -> settings.Settings:
        """The table's settings."""
        return settings.for_table(self.datasette, self.db.name, self.source.name)

    @property
    def body(self) -> dict[str, Any]:
        """The members that the JSON of every page begins with."""
        return {
            "ok": True,
            "database": self.db.name,
            "table": self.source.name,
            "model": self.embedded.model,
        }

    def command(self, name: str) -> str:
        """Return the line for a terminal that runs ``datasette revimg NAME`` for this table."""
        return _command(name, self.db, self.source.name)

    def described(self, row: Row) -> dict[str, Any]:
        """Return a row with its addresses, as in the JSON of every page."""
        url = self.url(row.key)
        return {
            "row": json_columns(row),
            "url": url,
            "similar_url": page_rows.below(url, "similar"),
            "thumbnail_url": page_rows.below(url, "thumbnail"),
        }

    async def label_column(self, rows: list[Row]) -> str | None:
        """Return the column that names these rows; None when that is their key."""
        if not rows:
            return None
        given = await self.db.label_column_for_table(self.source.name)
        return page_rows.label_column(rows, self.source, given)


async def find_place(request: Request, datasette: Datasette, crumbs: dict[str, str]) -> Place:
    """Return the embedded table that a request is about, which the actor may view.

    ``crumbs`` is filled with its ``database`` and ``table`` as far as the actor may see them.
    Raises Forbidden, Problem 404 when it isn't there or isn't embedded, and NewerVersionError when
    that isn't known.
    """
    route = tilde_decode(request.url_vars["database"])
    table = tilde_decode(request.url_vars["table"])
    try:
        db = datasette.get_database(route=route)
    except KeyError:
        raise Problem(404, f"there is no database {route!r}") from None
    private = await _check_view(datasette, request, db, table)
    crumbs["database"] = db.name
    known_tables = await state_of(datasette).registry(db)
    known = known_tables.table(table)
    if known is None:
        if not await db.table_exists(table):
            raise Problem(404, f"there is no table {table!r} in {db.name}")
        crumbs["table"] = table
        if known_tables.newer:
            raise NewerVersionError(known_tables.newer)
        raise await _not_embedded(db, table)
    if known.source.name != table:
        # By whatever name it was found, what counts is whether the table itself may be seen.
        private = await _check_view(datasette, request, db, known.source.name)
    crumbs["table"] = known.source.name
    return Place(
        datasette=datasette,
        request=request,
        db=db,
        embedded=known.embedded,
        source=known.source,
        private=private,
    )


async def _not_embedded(db: Database, table: str) -> Problem:
    """Return the problem of a table without vectors: there is a command only if it has pictures."""

    def has_pictures(conn: sqlite3.Connection) -> bool:
        registry.check_record(conn, table)
        return may_hold_pictures(conn, tables.find(conn, table))

    try:
        if not await read(db, has_pictures):
            none = "none of its columns holds pictures or paths of pictures"
            return Problem(404, f"{table} has no pictures: {none}")
    except RevimgError as error:
        return Problem(404, str(error))
    return Problem(
        404, f"the pictures of {table} are not embedded yet", _command("embed", db, table)
    )


async def _check_view(datasette: Datasette, request: Request, db: Database, table: str) -> bool:
    """Return whether a table that the actor may view is private. Raises Forbidden otherwise."""
    visible, private = await compat.visibility(datasette, request.actor, db.name, table)
    if not visible:
        raise Forbidden("You do not have permission to view this table")
    return private


async def check_upload(place: Place) -> None:
    """Refuse a picture to be searched for.

    Raises Forbidden when the actor may not do so, and Problem 403 when nobody may.
    """
    name = place.source.name
    if not place.settings.upload:
        raise Problem(403, f"search by image or region and heat maps are switched off for {name}")
    if not await permissions.may_upload(place.datasette, place.request.actor, place.db.name, name):
        raise Forbidden(f"You do not have permission to search {name} by image or region")


def _command(name: str, db: Database, table: str) -> str:
    file = Path(db.path).name if db.path else f"{db.name}.db"
    return f"datasette revimg {name} {shlex.quote(file)} {shlex.quote(table)}"
