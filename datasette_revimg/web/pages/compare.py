"""Two pictures compared, as a page and as JSON."""

from __future__ import annotations

import sqlite3
from typing import Any

from datasette import Response
from datasette.utils.asgi import Request

from ...keys import parse_row_path
from ...search import pair
from ...search.pair import Comparison
from ..problems import Problem
from ..requests.place import Place
from ..requests.reading import read
from ..requests.responses import html_response, json_response, wants_json
from ..requests.view import view
from .compare_page import make_page


@view()
async def compare(place: Place) -> Response:
    """Answer ``/{database}/{table}/{pks}/-/compare{.json}?with=…`` with two rows compared."""
    other = with_row(place.request)

    def find(conn: sqlite3.Connection) -> Comparison:
        return pair.compare(conn, place.source, place.row, other, place.indexes)

    comparison = await read(place.db, find)
    if wants_json(place.request):
        return json_response(place.datasette, _json(place, comparison))
    page = await make_page(place, comparison)
    return await html_response(place.datasette, place.request, page)


def with_row(request: Request) -> tuple[str, ...]:
    """Return the key, as texts, of the row to compare with. Raises Problem 400 without one."""
    texts = [text for text in request.args.getlist("with") if text]
    if len(texts) == 1:
        return parse_row_path(texts[0])
    raise Problem(
        400,
        f"with names one row, not {len(texts)}"
        if texts
        else "choose one row to compare with: ?with=KEY, with the key as in its address",
    )


def _json(place: Place, comparison: Comparison) -> dict[str, Any]:
    return {
        **place.body,
        "a": place.described(comparison.a),
        "b": place.described(comparison.b),
        "score": comparison.score,
        "percentile": comparison.percentile,
        "tier": comparison.tier,
        "differences": comparison.differences,
    }
