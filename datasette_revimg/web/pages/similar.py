"""The pages: a row's similar pictures, as HTML and as JSON, and its thumbnail."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
from datasette import Response
from datasette.utils import sqlite_timelimit
from datasette.utils.asgi import Request

from ...embedding.originals import read_original
from ...keys import parse_row_path, row_path
from ...pictures.region import Crop
from ...search.similar import Answer, Question, answer, finite
from ...search.similar import row_and_vector as asked_row
from ...store import reading
from .. import permissions
from ..problems import SEARCH_SECONDS, Problem
from ..requests import parameters
from ..requests.parameters import Condition, Parameters
from ..requests.place import (
    Place,
    check_upload,
    html_response,
    image_response,
    json_response,
    respond,
    wants_json,
)
from ..rows import search_url
from ..work import inference, state
from . import facets, gallery

if TYPE_CHECKING:
    from datasette.app import Datasette


async def similar(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/{pks}/-/similar{.json}``: the rows that look most like this one."""
    return await respond(request, datasette, _similar)


async def thumbnail(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/{pks}/-/thumbnail``: the row's picture as a small WebP."""
    return await respond(request, datasette, _thumbnail)


async def _similar(place: Place) -> Response:
    asked = parameters.parse(place.request, place.settings.size)
    if parameters.sent_by_form(asked.pairs):
        return Response.redirect(
            parameters.address(_path(place), parameters.from_form(asked.pairs))
        )
    condition = await condition_of(place, asked)
    vector = await _region(place, asked.crop) if asked.crop else None
    found = await search(place, asked, condition, place.row, vector)
    if wants_json(place.request):
        assert found.row
        query = {
            "row": finite(found.row),
            "url": place.url(found.row.key),
            "thumbnail_url": place.url(found.row.key, "thumbnail"),
        }
        body = await answer_json(place, asked, condition, found, query, _path(place))
        return json_response(place.datasette, body)
    context = await gallery_context(place, asked, condition, found)
    return await html_response(place.datasette, place.request, "revimg/similar.html", context)


def _path(place: Place) -> str:
    """The address of the page, or of its JSON, without its query string."""
    page = place.url(tuple(place.row), "similar")
    return page + ".json" if wants_json(place.request) else page


async def condition_of(place: Place, asked: Parameters) -> Condition:
    """The filters of the request."""
    return await parameters.condition(place.datasette, place.request, place.db, place.source, asked)


async def search(
    place: Place,
    asked: Parameters,
    condition: Condition,
    row: tuple[str, ...] | None,
    vector: np.ndarray | None,
) -> Answer:
    """The rows most similar to a row, or to the picture whose unit vector (D,) is given."""
    question = Question(
        row,
        [parse_row_path(row) for row in asked.like],
        [parse_row_path(row) for row in asked.unlike],
        asked.size,
        asked.minimum,
        condition.sql,
        condition.values,
        vector,
        facets.ENUMERATED if facets.asked_facets(place) or not wants_json(place.request) else 0,
    )

    def find(conn: sqlite3.Connection) -> Answer:
        with sqlite_timelimit(conn, SEARCH_SECONDS * 1000):
            return answer(conn, place.source, question, state.of(place.db))

    found: Answer = await place.db.execute_fn(find)
    return found


async def _region(place: Place, crop: Crop) -> np.ndarray:
    """The vector of a part of the row's picture."""
    await check_upload(place)
    inference.queue(place.datasette).check_room()

    def read(conn: sqlite3.Connection) -> bytes:
        key, _ = asked_row(conn, place.source, place.row)
        return read_original(conn, place.source, place.embedded, place.base, key)

    _, encoding = await inference.decode_and_encode(
        place.datasette, place.db.name, place.embedded, await place.db.execute_fn(read), crop=crop
    )
    return encoding.vector


async def gallery_context(
    place: Place, asked: Parameters, condition: Condition, found: Answer, here: str = ""
) -> dict[str, Any]:
    """What a template shows of an answer; ``here`` is the page, where it is about no row."""
    label = await place.db.label_column_for_table(place.source.name)
    shown = gallery.Shown(place.url, label, place.settings.similar_columns, here)
    page = place.url(found.row.key, "similar") if found.row else here
    counted = await facets.count_facets(place, asked, condition, found, page)
    return {
        **gallery.context(found, asked, condition.filters, place.source, shown),
        **await page_context(place),
        "here": page,
        "facets": counted.results.values(),
        "facets_timed_out": counted.timed_out,
        "filter_form": facets.filter_form(place, asked, condition),
        "threshold": facets.threshold(asked, found, page),
        "minimum": asked.minimum,
        "enumerated": found.keys is not None,
    }


async def page_context(place: Place) -> dict[str, Any]:
    """What the templates of all these pages need."""
    may_upload = await permissions.may_upload(
        place.datasette, place.request.actor, place.db.name, place.source.name
    )
    return {
        **place.context,
        "upload_url": search_url(place.datasette, place.db.name, place.source.name)
        if may_upload
        else None,
    }


async def answer_json(
    place: Place,
    asked: Parameters,
    condition: Condition,
    found: Answer,
    query: dict[str, Any],
    here: str,
) -> Any:
    """The JSON of an answer to a question about ``query``, at the address ``here``."""
    rows: list[dict[str, Any]] = [
        {
            "score": row.score,
            "percentile": found.percentile(row),
            **place.described(row),
        }
        for row in found.rows
    ]
    if asked.shape == "array":
        return rows
    body: dict[str, Any] = {
        **place.body,
        "query": {
            **query,
            **({"crop": asked.crop.text} if asked.crop else {}),
            "like": [row_path(row.key) for row in found.like],
            "unlike": [row_path(row.key) for row in found.unlike],
        },
        "rows": rows,
        "filtered_table_rows_count": found.candidates,
        "count_truncated": not found.counted_all,
        "ms": round(found.ms, 3),
    }
    body.update(facets.minimum(found))
    if asked.only("_facet"):
        counted = await facets.count_facets(place, asked, condition, found, here, suggest=False)
        body["facet_results"] = counted.results
        body["facets_timed_out"] = counted.timed_out
    if asked.shape == "arrays":
        names = list(dict.fromkeys(name for row in rows for name in row["row"]))
        urls = ["url", "similar_url", "thumbnail_url"]
        scores = ["score", "percentile"]
        body["columns"] = [*scores, *names, *urls]
        body["rows"] = [
            [
                *(row[score] for score in scores),
                *(row["row"].get(name) for name in names),
                *(row[url] for url in urls),
            ]
            for row in rows
        ]
    return body


async def _thumbnail(place: Place) -> Response:
    def read(conn: sqlite3.Connection) -> bytes | None:
        if len(place.row) != len(place.source.key_columns):
            return None
        return reading.thumbnail(conn, place.source.name, place.row)

    picture: bytes | None = await place.db.execute_fn(read)
    if picture is None:
        raise Problem(404, f"there is no thumbnail of row {', '.join(place.row)}")

    async def stored(known: bytes = picture) -> bytes:
        return known

    return await image_response(place.request, picture, stored)
