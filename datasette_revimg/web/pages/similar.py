"""The pages: a row's similar pictures, as HTML and as JSON, and its thumbnail."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
from datasette import Response

from ...embedding.originals import read_original
from ...keys import parse_row_path, row_path
from ...pictures.region import Crop
from ...search.rows import json_columns, row_and_vector
from ...search.similar import Answer, Question, answer
from ...store import thumbnails
from .. import permissions
from ..problems import Problem
from ..requests.filters import Condition, from_form, parse_condition, sent_by_form
from ..requests.parameters import Parameters, address, parse
from ..requests.place import Place, check_upload
from ..requests.reading import read
from ..requests.responses import file_response, html_response, json_response, wants_json
from ..requests.view import view
from ..rows import search_url
from ..work import inference
from ..work.state import state_of
from . import facets, gallery

if TYPE_CHECKING:
    pass


@view()
async def similar(place: Place) -> Response:
    """``/{database}/{table}/{pks}/-/similar{.json}``: the rows that look most like this one."""
    parameters = parse(place.request, place.settings.size)
    if sent_by_form(parameters.pairs):
        return Response.redirect(address(_path(place), from_form(parameters.pairs)))
    condition = await parse_condition(place, parameters.pairs)
    vector = await _region(place, parameters.crop) if parameters.crop else None
    found = await search(place, parameters, condition, place.row, vector)
    if wants_json(place.request):
        assert found.row
        query = {
            "row": json_columns(found.row),
            "url": place.url(found.row.key),
            "thumbnail_url": place.url(found.row.key, "thumbnail"),
        }
        body = await answer_json(place, parameters, condition, found, query, _path(place))
        return json_response(place.datasette, body)
    context = await gallery_context(place, parameters, condition, found)
    return await html_response(place.datasette, place.request, "revimg/similar.html", context)


def _path(place: Place) -> str:
    """The address of the page, or of its JSON, without its query string."""
    page = place.url(tuple(place.row), "similar")
    return page + ".json" if wants_json(place.request) else page


async def search(
    place: Place,
    parameters: Parameters,
    condition: Condition,
    row: tuple[str, ...] | None,
    vector: np.ndarray | None,
) -> Answer:
    """The rows most similar to a row, or to the picture whose unit vector (D,) is given."""
    counting = facets.requested_facets(place) or not wants_json(place.request)
    enumerated = facets.ENUMERATED if counting else 0
    question = Question(
        row=row,
        like=[parse_row_path(row) for row in parameters.like],
        unlike=[parse_row_path(row) for row in parameters.unlike],
        size=parameters.size,
        minimum=parameters.minimum,
        where=condition.sql,
        values=condition.values,
        vector=vector,
        enumerated=enumerated,
    )

    def find(conn: sqlite3.Connection) -> Answer:
        return answer(conn, place.source, question, place.indexes)

    return await read(place.db, find)


async def _region(place: Place, crop: Crop) -> np.ndarray:
    """The vector of a part of the row's picture."""
    await check_upload(place)
    state_of(place.datasette).inference.check_room()

    def find(conn: sqlite3.Connection) -> bytes:
        key, _ = row_and_vector(conn, place.source, place.row)
        return read_original(conn, place.source, place.embedded, place.base, key)

    _, encoding = await inference.embed_picture(
        place.datasette, place.db.name, place.embedded, await read(place.db, find), crop=crop
    )
    return encoding.vector


async def gallery_context(
    place: Place, parameters: Parameters, condition: Condition, found: Answer, here: str = ""
) -> dict[str, Any]:
    """What a template shows of an answer; ``here`` is the page, where it is about no row."""
    label = await place.db.label_column_for_table(place.source.name)
    shown = gallery.Shown(place.url, label, place.settings.similar_columns, here)
    page = place.url(found.row.key, "similar") if found.row else here
    counted = await facets.count_facets(place, parameters, condition, found, page)
    return {
        **gallery.context(found, parameters, condition.filters, place.source, shown),
        **await page_context(place),
        "here": page,
        "facets": counted.results.values(),
        "facets_timed_out": counted.timed_out,
        "filter_form": facets.filter_form(place, parameters, condition),
        "threshold": facets.threshold(parameters, found, page),
        "minimum": parameters.minimum,
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
    parameters: Parameters,
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
    if parameters.shape == "array":
        return rows
    body: dict[str, Any] = {
        **place.body,
        "query": {
            **query,
            **({"crop": parameters.crop.text} if parameters.crop else {}),
            "like": [row_path(row.key) for row in found.like],
            "unlike": [row_path(row.key) for row in found.unlike],
        },
        "rows": rows,
        "filtered_table_rows_count": found.candidates,
        "count_truncated": not found.counted_all,
        "ms": round(found.ms, 3),
    }
    body.update(facets.minimum(found))
    if parameters.only("_facet"):
        counted = await facets.count_facets(
            place, parameters, condition, found, here, suggest=False
        )
        body["facet_results"] = counted.results
        body["facets_timed_out"] = counted.timed_out
    if parameters.shape == "arrays":
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


@view()
async def thumbnail(place: Place) -> Response:
    """``/{database}/{table}/{pks}/-/thumbnail``: the row's picture as a small WebP."""

    def find(conn: sqlite3.Connection) -> bytes | None:
        if len(place.row) != len(place.source.key_columns):
            return None
        return thumbnails.read(conn, place.source.name, place.row)

    picture = await read(place.db, find)
    if picture is None:
        raise Problem(404, f"there is no thumbnail of row {', '.join(place.row)}")

    async def stored(known: bytes = picture) -> bytes:
        return known

    return await file_response(place.request, picture, "image/webp", stored)
