"""Search by image: the rows that look most like an uploaded picture.

The picture is kept in memory while its answer is computed, and nowhere else.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import ClassVar

from datasette import Response

from ...pictures.decoding import Picture
from ...pictures.looks import SENT, Look
from ...search.similar import Answer
from .. import permissions
from ..compat import Actor, Datasette
from ..problems import Problem
from ..requests.client import while_connected
from ..requests.filters import Condition, from_form, parse_condition, sent_by_form
from ..requests.forms import FIELD, Form, megabytes, read_form
from ..requests.parameters import Parameters, address, parse
from ..requests.place import Place, check_upload
from ..requests.responses import html_response, json_response, wants_json
from ..requests.uploads import check_site, with_fields
from ..requests.view import view
from ..rows import search_url
from ..work import inference
from ..work.state import state_of
from . import context, gallery
from .answers import answer_json, search
from .cards import Thumbnail, thumbnail
from .context import Conditions, TablePage
from .gallery import ResultsPage
from .looking import Switch, identity, look_switches


@dataclass(frozen=True)
class UploadForm:
    """The form that sends a picture in ``field`` of at most ``max_bytes``.

    ``max_size`` is that limit in words, ``prompt`` the text of the button.
    """

    action_url: str
    field: str
    max_bytes: int
    max_size: str
    prompt: str


@dataclass(frozen=True)
class UploadedPicture:
    """The picture that was uploaded, and in words what it is."""

    picture: Thumbnail
    details: str


@dataclass(frozen=True, kw_only=True)
class SearchPage(TablePage):
    """The page with the form alone."""

    template: ClassVar[str] = "revimg/search.html"

    conditions: Conditions
    form: UploadForm
    switches: list[Switch]


@dataclass(frozen=True, kw_only=True)
class UploadedPage(ResultsPage):
    """The page of the pictures similar to an uploaded one."""

    template: ClassVar[str] = "revimg/upload.html"

    query: UploadedPicture
    form: UploadForm


async def action(
    datasette: Datasette, actor: Actor, database: str, table: str
) -> list[dict[str, str]]:
    """Return the item of the table's menu; none unless the actor may search the table by image."""
    known = (await state_of(datasette).registry(datasette.get_database(database))).table(table)
    if known is None:
        return []
    name = known.source.name
    if not await permissions.may_upload(datasette, actor, database, name):
        return []
    return [
        {
            "href": search_url(datasette, database, name),
            "label": "Search by image",
            "description": f"Rows of {name} that look like a picture you have.",
        }
    ]


@view("GET", "HEAD", "POST")
async def similar(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/similar{.json}`` with the form, or similar pictures."""
    await check_upload(place)
    if place.request.method == "POST":
        return await _answer(place)
    if wants_json(place.request):
        raise Problem(
            405,
            f"send a picture here with POST, as multipart/form-data in the field {FIELD!r}",
            headers={"Allow": "POST"},
        )
    parameters = parse(place.request, place.settings.size)
    here = _here(place)
    if sent_by_form(parameters.pairs):
        return Response.redirect(address(here, from_form(parameters.pairs)))
    condition = await parse_condition(place, parameters.pairs)
    page = SearchPage(
        **context.table_fields(place),
        conditions=gallery.conditions(parameters, condition.filters, here),
        form=_form(place, parameters, "Choose a picture"),
        switches=look_switches(parameters, [], here),
    )
    return await html_response(place.datasette, place.request, page)


async def _answer(place: Place) -> Response:
    check_site(place.request)
    state = state_of(place.datasette)
    state.inference.check_room()
    limit = place.settings.max_upload_bytes
    form = await read_form(place.request, limit, state.forms, state.form_shares)
    async with while_connected(place.request):
        place = replace(place, request=with_fields(place.request, form.fields))
        return await _answer_form(place, form)


async def _answer_form(place: Place, form: Form) -> Response:
    parameters = parse(place.request, place.settings.size)
    condition = await parse_condition(place, parameters.pairs)
    looked = await inference.embed_picture(
        place.datasette,
        place.db.name,
        place.embedded,
        form.picture,
        ways=parameters.ways_or(SENT),
        crop=parameters.crop,
    )
    picture = looked.picture
    known = await identity(parameters, looked, form.picture)
    answer = await search(place, parameters, condition, None, looked.vectors, known)
    if wants_json(place.request):
        query = {
            "width": picture.width,
            "height": picture.height,
            "format": picture.format,
            "bytes": len(form.picture),
        }
        here = _here(place) + ".json"
        body = await answer_json(place, parameters, condition, answer, query, here, looked.looks)
        return json_response(place.datasette, body)
    uploaded = _uploaded_picture(picture, len(form.picture))
    page = await _uploaded(place, parameters, condition, answer, uploaded, looked.looks)
    return await html_response(place.datasette, place.request, page)


async def _uploaded(
    place: Place,
    parameters: Parameters,
    condition: Condition,
    answer: Answer,
    query: UploadedPicture,
    looks: list[Look],
) -> UploadedPage:
    cards = await gallery.make_cards(place, parameters, answer, _here(place), looks)
    return UploadedPage(
        **await gallery.results_fields(place, condition, cards, query.picture),
        query=query,
        form=_form(place, parameters, "Another picture"),
    )


def _here(place: Place) -> str:
    return search_url(place.datasette, place.db.name, place.source.name)


def _form(place: Place, parameters: Parameters, prompt: str) -> UploadForm:
    """Return the form. It keeps the filters, but no region, which is one of a certain picture."""
    limit = place.settings.max_upload_bytes
    url = address(_here(place), parameters.without("_crop", "_shape"))
    return UploadForm(url, FIELD, limit, megabytes(limit), prompt)


def _uploaded_picture(picture: Picture, size: int) -> UploadedPicture:
    """Return a picture whose file has ``size`` bytes."""
    url = f"data:image/webp;base64,{base64.b64encode(picture.thumbnail).decode()}"
    return UploadedPicture(
        thumbnail(url, "your picture", (picture.width, picture.height)),
        f"{picture.width:,} × {picture.height:,} {picture.format}, {megabytes(size)}",
    )
