"""The picture of a row by itself: small as its thumbnail, large for a screen."""

from __future__ import annotations

import sqlite3

from datasette import Response

from ...keys import Key
from ...store import tables, thumbnails
from ..problems import Problem
from ..requests.originals import read_originals
from ..requests.place import Place
from ..requests.reading import read
from ..requests.responses import file_response
from ..requests.view import view
from ..work import renditions


@view()
async def thumbnail(place: Place) -> Response:
    """Answer ``/{database}/{table}/{pks}/-/thumbnail`` with the row's picture as a small WebP."""

    def find(conn: sqlite3.Connection) -> bytes | None:
        if len(place.row) != len(place.source.key_columns):
            return None
        return thumbnails.read(conn, place.source.name, place.row)

    stored = await read(place.db, find)
    if stored is None:
        raise Problem(404, f"there is no thumbnail of row {', '.join(place.row)}")

    async def make(picture: bytes = stored) -> bytes:
        return picture

    return await file_response(place.request, stored, "image/webp", make)


@view()
async def picture(place: Place) -> Response:
    """Answer ``/{database}/{table}/{pks}/-/picture`` with the row's picture, fit for a screen."""

    def find(conn: sqlite3.Connection) -> list[Key]:
        return [tables.resolve_key(conn, place.source, place.row)]

    (shown,) = await read_originals(place, find)
    return await file_response(
        place.request,
        b"%d " % renditions.SIDE + shown.digest,
        "image/webp",
        lambda: renditions.rendition(place.datasette, shown.data),
    )
