"""Two pictures compared: the page and its JSON, the pictures in large, why they are similar."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from typing import TYPE_CHECKING, Any

from datasette import Response
from datasette.utils import is_url
from datasette.utils.asgi import Request

from ...embedding.originals import read_original
from ...keys import Key, parse_row_path, row_path
from ...pictures.decoding import THUMBNAIL_SIDE
from ...pictures.heat_overlay import draw_overlay
from ...search import pair
from ...search.pair import Comparison
from ...search.rows import Row, row_and_vector
from ...store import tables
from ...vectors.percentiles import in_words
from ..problems import Problem
from ..requests.parameters import address
from ..requests.place import Place, check_upload
from ..requests.reading import read
from ..requests.responses import file_response, html_response, json_response, wants_json
from ..requests.view import view
from ..rows import MAX_ENLARGEMENT, label_of
from ..work import agreement as why
from ..work import inference, renditions
from ..work.agreement import Original
from .similar import page_context

if TYPE_CHECKING:
    pass

# The shapes of frames: a panorama leaves some room for what hangs beside it.
_NARROWEST, _WIDEST = 0.4, 3.0

# The height of a picture whose size isn't stored.
_UNKNOWN = THUMBNAIL_SIDE


def _with(request: Request) -> tuple[str, ...]:
    """The row to compare with, in the texts of its key."""
    texts = [text for text in request.args.getlist("with") if text]
    if len(texts) != 1:
        raise Problem(
            400,
            "name one row to compare with, as in its address: ?with=KEY"
            if not texts
            else f"with names one row, not {len(texts)}",
        )
    return parse_row_path(texts[0])


@view()
async def compare(place: Place) -> Response:
    """``/{database}/{table}/{pks}/-/compare{.json}?with=…``: two rows and their pictures."""
    other = _with(place.request)

    def find(conn: sqlite3.Connection) -> Comparison:
        return pair.compare(
            conn,
            place.source,
            place.row,
            other,
            place.indexes,
        )

    found = await read(place.db, find)
    if wants_json(place.request):
        return json_response(
            place.datasette,
            {
                **place.body,
                "a": place.described(found.a),
                "b": place.described(found.b),
                "score": found.score,
                "percentile": found.percentile,
                "differences": found.differences,
            },
        )
    shared = await page_context(place)
    label = await place.label_column([found.a, found.b])
    return await html_response(
        place.datasette,
        place.request,
        "revimg/compare.html",
        {
            **_context(place, found, label, bool(shared["upload_url"])),
            **shared,
        },
    )


def _context(place: Place, found: Comparison, label: str | None, may_infer: bool) -> dict[str, Any]:
    """The template's variables; ``label`` is the column that names a row, and ``may_infer`` says
    whether the actor may have the network run."""
    explained = place.request.args.get("_why") == "1"
    possible = why.available(place.embedded) and may_infer

    def here(other: Key, explain: bool = explained) -> str:
        flag = [("_why", "1")] if explain else []
        return address(place.url(found.a.key, "compare"), [("with", row_path(other)), *flag])

    def side(row: Row, other: Row) -> dict[str, Any]:
        width, height = renditions.size(row.size) if row.size else (None, None)
        ratio = row.size[0] / row.size[1] if row.size else 1.0
        return {
            "label": label_of(row, label),
            "url": place.url(row.key),
            "similar_url": place.url(row.key, "similar"),
            "thumbnail_url": place.url(row.key, "thumbnail"),
            "picture_url": place.url(row.key, "picture"),
            "why_url": address(place.url(row.key, "why"), [("with", row_path(other.key))]),
            "width": width,
            "height": height,
            "ratio": round(ratio, 4),
            "frame": round(min(max(ratio, _NARROWEST), _WIDEST), 4),
        }

    a, b = side(found.a, found.b), side(found.b, found.a)
    differences = found.differences
    longest = place.datasette.setting("truncate_cells_html")
    return {
        "a": a,
        "b": b,
        # One over the other: a shape that suits both alike.
        "stage": round(math.sqrt(a["frame"] * b["frame"]), 4),
        "most": MAX_ENLARGEMENT * max(a["height"] or _UNKNOWN, b["height"] or _UNKNOWN),
        "score": found.score,
        "percentile": None if found.percentile is None else in_words(found.percentile),
        "rank": found.rank,
        "neighbours": len(found.neighbours),
        "previous_url": here(found.previous) if found.previous else None,
        "next_url": here(found.next) if found.next else None,
        "columns": [
            {
                "name": name,
                "a": _cell(found.a, name, longest),
                "b": _cell(found.b, name, longest),
                "differs": name in differences,
            }
            for name in found.columns
        ],
        "differences": differences,
        "why": {
            "available": why.available(place.embedded),
            "possible": possible,
            "shown": explained and possible,
            "show_url": here(found.b.key, True),
            "hide_url": here(found.b.key, False),
            "json_url": address(
                place.url(found.a.key, "why") + ".json", [("with", row_path(found.b.key))]
            ),
        },
        "alternate_url_json": address(
            place.url(found.a.key, "compare") + ".json", [("with", row_path(found.b.key))]
        ),
    }


def _cell(row: Row, name: str, longest: int) -> dict[str, Any]:
    """A value as the table of columns shows it; ``missing`` says what there is in its place."""
    if name not in row.columns:
        return {"missing": "binary data"}
    value = row.columns[name]
    if value is None:
        return {"missing": "null"}
    text = str(value)
    if longest and len(text) > longest:
        text = text[:longest] + "…"
    return {"text": text, "url": value if isinstance(value, str) and is_url(value) else None}


def _original(conn: sqlite3.Connection, place: Place, key: Key) -> Original:
    data = read_original(conn, place.source, place.embedded, place.base, key)
    return Original(key, data, hashlib.sha256(data).digest())


@view()
async def picture(place: Place) -> Response:
    """``/{database}/{table}/{pks}/-/picture``: the row's picture, for a screen, as WebP."""

    def find(conn: sqlite3.Connection) -> Original:
        return _original(conn, place, tables.resolve_key(conn, place.source, place.row))

    original = await read(place.db, find)
    return await file_response(
        place.request,
        b"%d " % renditions.SIDE + original.digest,
        "image/webp",
        lambda: renditions.rendition(place.datasette, original.data),
    )


@view()
async def explain(place: Place) -> Response:
    """``/{database}/{table}/{pks}/-/why{.json}?with=…``: where the picture agrees with another."""
    other = _with(place.request)
    if not why.available(place.embedded):
        raise inference.without_features(place.embedded.model)
    await check_upload(place)

    def find(conn: sqlite3.Connection) -> tuple[Original, Original]:
        key, _ = row_and_vector(conn, place.source, place.row)
        partner, _ = pair.other_row(conn, place.source, other)
        return _original(conn, place, key), _original(conn, place, partner)

    a, b = await read(place.db, find)

    async def found() -> why.Agreement:
        return await why.agreement(place.datasette, place.db, place.embedded, a, b)

    if wants_json(place.request):
        agreement = await found()
        return json_response(
            place.datasette,
            {
                **place.body,
                "a": _json_heat(place, a, b, agreement.a),
                "b": _json_heat(place, b, a, agreement.b),
                "score": agreement.score,
            },
        )

    async def drawn() -> bytes:
        agreement = await found()
        return draw_overlay(agreement.a, agreement.hottest)

    version = b" ".join(
        [a.digest, b.digest, place.embedded.model.encode(), place.embedded.weights_sha256.encode()]
    )
    return await file_response(place.request, version, "image/webp", drawn)


def _json_heat(place: Place, mine: Original, other: Original, heat: Any) -> dict[str, Any]:
    return {
        "url": place.url(mine.key),
        "why_url": address(place.url(mine.key, "why"), [("with", row_path(other.key))]),
        "heat": [[round(float(share), 6) for share in row] for row in heat],
    }
