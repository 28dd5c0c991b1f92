"""The similar pictures of a row, as a page and as JSON."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import ClassVar

from datasette import Response

from ...embedding.looking import Looked
from ...keys import Key
from ...pictures.identity import Identity
from ...pictures.looks import AS_A_WHOLE, Look
from ...search.rows import json_columns, row_and_vector
from ...search.similar import Answer
from ..requests.filters import Condition, from_form, parse_condition, sent_by_form
from ..requests.originals import read_originals
from ..requests.parameters import Parameters, address, parse
from ..requests.place import Place, check_upload
from ..requests.responses import html_response, json_response, wants_json
from ..requests.view import view
from ..work import inference
from ..work.state import state_of
from . import gallery
from .answers import answer_json, search
from .cards import QueryRow
from .gallery import ResultsPage
from .looking import identity


@dataclass(frozen=True, kw_only=True)
class SimilarPage(ResultsPage):
    """The page of a row's similar pictures."""

    template: ClassVar[str] = "revimg/similar.html"

    query: QueryRow


@view()
async def similar(place: Place) -> Response:
    """Answer ``/{database}/{table}/{pks}/-/similar{.json}`` with the rows that look most alike."""
    parameters = parse(place.request, place.settings.size)
    if sent_by_form(parameters.pairs):
        return Response.redirect(address(_path(place), from_form(parameters.pairs)))
    condition = await parse_condition(place, parameters.pairs)
    vectors, looks, known = None, [], None
    if parameters.looked_at:
        looked, known = await _look(place, parameters)
        vectors, looks = looked.vectors, looked.looks
    answer = await search(place, parameters, condition, place.row, vectors, known)
    if wants_json(place.request):
        assert answer.row
        query = {
            "row": json_columns(answer.row),
            "url": place.url(answer.row.key),
            "thumbnail_url": place.url(answer.row.key, "thumbnail"),
        }
        body = await answer_json(place, parameters, condition, answer, query, _path(place), looks)
        return json_response(place.datasette, body)
    page = await _page(place, parameters, condition, answer, looks)
    return await html_response(place.datasette, place.request, page)


async def _page(
    place: Place,
    parameters: Parameters,
    condition: Condition,
    answer: Answer,
    looks: list[Look],
) -> SimilarPage:
    assert answer.row
    here = place.url(answer.row.key, "similar")
    cards = await gallery.make_cards(place, parameters, answer, here, looks)
    query = cards.query(answer.row)
    fields = await gallery.results_fields(place, condition, cards, query.picture)
    return SimilarPage(**fields, query=query)


def _path(place: Place) -> str:
    """Return the address of the page, or of its JSON, without its query string."""
    page = place.url(tuple(place.row), "similar")
    return page + ".json" if wants_json(place.request) else page


async def _look(place: Place, parameters: Parameters) -> tuple[Looked, Identity | None]:
    """Return the vectors of the row's picture, or of a region of it, seen in the ways asked for.

    Also what else is known of the picture, if the whole one was looked at.
    """
    await check_upload(place)
    state_of(place.datasette).inference.check_room()

    def find(conn: sqlite3.Connection) -> list[Key]:
        key, _ = row_and_vector(conn, place.source, place.row)
        return [key]

    (original,) = await read_originals(place, find)
    looked = await inference.embed_picture(
        place.datasette,
        place.db.name,
        place.embedded,
        original.data,
        ways=parameters.ways_or(AS_A_WHOLE),
        crop=parameters.crop,
        stored=True,
    )
    return looked, await identity(parameters, looked, original.data)
