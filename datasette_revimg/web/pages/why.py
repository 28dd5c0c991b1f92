"""Why two pictures are similar: a heat map over the first, as a picture and as JSON."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

import numpy as np
from datasette import Response

from ...keys import Key
from ...pictures.heat_overlay import draw_overlay
from ...search import pair
from ...search.rows import row_and_vector
from ..requests.originals import read_originals
from ..requests.place import Place, check_upload
from ..requests.responses import file_response, json_response, wants_json
from ..requests.view import view
from ..work import agreement, inference
from ..work.agreement import Agreement, Original
from ..work.state import state_of
from .compare import with_row
from .compare_page import why_url


@view()
async def explain(place: Place) -> Response:
    """Answer ``/{database}/{table}/{pks}/-/why{.json}?with=…`` with where two pictures agree."""
    other = with_row(place.request)
    if not agreement.available(place.embedded):
        raise inference.without_features(place.embedded.model)
    await check_upload(place)

    def find(conn: sqlite3.Connection) -> list[Key]:
        key, _ = row_and_vector(conn, place.source, place.row)
        other_key, _ = pair.other_row(conn, place.source, other)
        return [key, other_key]

    a, b = await read_originals(place, find)

    async def compute() -> Agreement:
        return await agreement.agreement(place.datasette, place.db, place.embedded, a, b)

    if wants_json(place.request):
        return json_response(place.datasette, _json(place, a, b, await compute()))

    async def draw() -> bytes:
        computed = await compute()
        work = partial(draw_overlay, computed.a, computed.hottest)
        return await state_of(place.datasette).writing.run(work)

    embedded = place.embedded
    version = [a.digest, b.digest, embedded.model.encode(), embedded.weights_sha256.encode()]
    return await file_response(place.request, b" ".join(version), "image/webp", draw)


def _json(place: Place, a: Original, b: Original, computed: Agreement) -> dict[str, Any]:
    return {
        **place.body,
        "a": _heat_json(place, a, b, computed.a),
        "b": _heat_json(place, b, a, computed.b),
        "score": computed.score,
    }


def _heat_json(place: Place, mine: Original, other: Original, heat: np.ndarray) -> dict[str, Any]:
    return {
        "url": place.url(mine.key),
        "why_url": why_url(place, mine.key, other.key),
        "heat": [[round(float(share), 6) for share in row] for row in heat],
    }
