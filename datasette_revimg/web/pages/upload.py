"""Reverse image search: the rows that look most like a picture that somebody brings along.

The picture is kept in memory for as long as its answer takes, and nowhere else.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from datasette import Response
from datasette.utils.asgi import Request

from ...pictures.decoding import THUMBNAIL_SIDE, Picture
from .. import compat, permissions
from ..problems import Problem
from ..requests.filters import from_form, parse_condition, sent_by_form
from ..requests.forms import FIELD, megabytes, read_form
from ..requests.parameters import Parameters, address, parse
from ..requests.place import Place, check_upload
from ..requests.responses import html_response, json_response, wants_json
from ..requests.view import view
from ..rows import displayed, search_url
from ..work import inference
from ..work.state import state_of
from . import gallery
from .similar import answer_json, gallery_context, page_context, search

if TYPE_CHECKING:
    from datasette.app import Datasette

PATH = r"^/(?P<database>[^/\.]+)/(?P<table>[^/]+?)/-/similar(\.(?P<format>json))?$"

_THUMBNAIL = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)

_TOKEN = "csrftoken"


def is_upload(datasette: Datasette, scope: dict[str, Any]) -> bool:
    """Whether 0.65 should leave it to us to tell from which site a request comes.

    Its own check of tokens fails for every form with a file in it.
    """
    # As its router takes the path, so that no other page can be meant.
    raw = scope.get("raw_path") or scope["path"].encode()
    path: str = raw.decode("latin-1").partition("?")[0]
    base: str = datasette.setting("base_url")
    if base != "/" and path.startswith(base):
        path = "/" + path[len(base) :]
    return re.match(PATH, path) is not None


async def action(
    datasette: Datasette, actor: compat.Actor, database: str, table: str
) -> list[dict[str, str]]:
    """The item of the table's menu, none where nothing is embedded or the actor may not."""
    found = (await state_of(datasette).registry(datasette.get_database(database))).table(table)
    if found is None:
        return []
    name = found.source.name
    if not await permissions.may_upload(datasette, actor, database, name):
        return []
    return [
        {
            "href": search_url(datasette, database, name),
            "label": "Search by image",
            "description": f"Rows of {name} that look like a picture of yours.",
        }
    ]


@view("GET", "HEAD", "POST")
async def similar(place: Place) -> Response:
    """``/{database}/{table}/-/similar{.json}``: the form, and the answer to a picture posted."""
    await check_upload(place)
    if place.request.method == "POST":
        return await _answer(place)
    if wants_json(place.request):
        raise Problem(
            405,
            f"send a picture here with POST, as multipart/form-data in the field {FIELD!r}",
            headers={"Allow": "POST"},
        )
    chosen = place.settings
    parameters = parse(place.request, chosen.size)
    here = _here(place)
    if sent_by_form(parameters.pairs):
        return Response.redirect(address(here, from_form(parameters.pairs)))
    condition = await parse_condition(place, parameters.pairs)
    context = {
        **await page_context(place),
        **_form(place, parameters),
        "conditions": gallery.conditions(parameters, condition.filters, here),
    }
    return await html_response(place.datasette, place.request, "revimg/search.html", context)


async def _answer(place: Place) -> Response:
    _check_site(place.request)
    state_of(place.datasette).inference.check_room()
    chosen = place.settings
    form = await read_form(place.request, chosen.max_upload_bytes)
    place = replace(place, request=_with_fields(place.request, form.fields))
    parameters = parse(place.request, chosen.size)
    condition = await parse_condition(place, parameters.pairs)
    picture, encoding = await inference.embed_picture(
        place.datasette, place.db.name, place.embedded, form.picture, crop=parameters.crop
    )
    found = await search(place, parameters, condition, None, encoding.vector)
    if wants_json(place.request):
        query = {
            "width": picture.width,
            "height": picture.height,
            "format": picture.format,
            "bytes": len(form.picture),
        }
        here = _here(place) + ".json"
        body = await answer_json(place, parameters, condition, found, query, here)
        return json_response(place.datasette, body)
    context = {
        **await gallery_context(place, parameters, condition, found, _here(place)),
        **_form(place, parameters),
        "query": _shown(picture, len(form.picture)),
    }
    return await html_response(place.datasette, place.request, "revimg/upload.html", context)


def _here(place: Place) -> str:
    return search_url(place.datasette, place.db.name, place.source.name)


def _form(place: Place, parameters: Parameters) -> dict[str, Any]:
    """The form, which keeps the filters; a region is one of a certain picture."""
    chosen = place.settings
    return {
        "action_url": address(_here(place), parameters.without("_crop", "_shape")),
        "field": FIELD,
        "max_bytes": chosen.max_upload_bytes,
        "max_size": megabytes(chosen.max_upload_bytes),
    }


def _shown(picture: Picture, count: int) -> dict[str, Any]:
    """The picture that was sent, as the templates show a row's."""
    width, height = displayed((picture.width, picture.height), _THUMBNAIL)
    return {
        "label": "your picture",
        "thumbnail_url": f"data:image/webp;base64,{base64.b64encode(picture.thumbnail).decode()}",
        "width": width,
        "height": height,
        "size": f"{picture.width:,} × {picture.height:,}",
        "format": picture.format,
        "bytes": megabytes(count),
    }


def _with_fields(request: Request, fields: list[tuple[str, str]]) -> Request:
    """The request as if the fields of its form were parameters of its address."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    pairs += [(name, text) for name, text in fields if name != _TOKEN]
    if sent_by_form(pairs):
        pairs = from_form(pairs)
    return Request({**request.scope, "query_string": urlencode(pairs).encode()}, request.receive)


def _check_site(request: Request) -> None:
    """Problem 403 when another site had somebody's browser send this.

    Inference is costly, and the answer is the actor's. As Datasette 1.0 does for all of its
    forms; programs that are no browsers send neither header.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        same = site in ("same-origin", "none")
    else:
        # Without the scheme: in front of a server there may be one that speaks https.
        same = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if not same:
        raise Problem(403, "a picture can’t be sent here from another site, only from this page")
