"""The similarity matrix of a table, as a page, as JSON and as a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from datasette import Response
from datasette.utils.asgi import Request

from ...keys import row_path
from ...overview import matrix
from ...overview.sample import Sample
from ...search import similar
from ..problems import Problem
from ..requests.parameters import address
from ..requests.place import Place, html_response, json_response, respond, wants_json
from ..rows import label_of
from ..work.kept import Kept
from . import overview
from .overview import Asked

if TYPE_CHECKING:
    from datasette.app import Datasette

# A page draws so many rows well, and a browser loads 4 MB of cosines for them.
MOST_ROWS = 2000

# 200 rows are 40,000 numbers, 300 kB of JSON.
JSON_ROWS = 200


@dataclass(frozen=True)
class Matrix:
    """Cosines float32 (n, n) of the rows at ``order`` of a sample, and the first and the last
    colour's cosine."""

    cosines: np.ndarray
    order: np.ndarray
    low: float
    high: float


# 16 MB each at most.
_matrices: Kept[Matrix] = Kept(4)
_pictures: Kept[bytes] = Kept(8)


async def page(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/-/matrix{.json}``: every picture compared with every other one."""
    return await respond(request, datasette, _page)


async def picture(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/-/matrix.png``: the same as a heat map."""
    return await respond(request, datasette, _picture)


async def values(request: Request, datasette: Datasette) -> Response:
    """``/{database}/{table}/-/matrix-values``: the page's cosines, see matrix.halves."""
    return await respond(request, datasette, _values)


def _order(place: Place) -> str:
    order: str = place.request.args.get("_order", matrix.ORDERS[0])
    if order not in matrix.ORDERS:
        raise Problem(400, f"_order must be one of {', '.join(matrix.ORDERS)}, not {order!r}")
    return order


async def _computed(place: Place, wanted: Asked, sample: Sample, order: str) -> Matrix:
    key = overview.key(place, sample, order)
    vectors = np.empty((0, 0), np.float32)
    if not _matrices.has(key):
        vectors = await overview.vectors(place, wanted, sample)
    return await _matrices.get(key, lambda: _compute(vectors, order))


def _compute(vectors: np.ndarray, order: str) -> Matrix:
    cosines = matrix.cosines(vectors)
    indices = np.arange(len(cosines))
    if order == "cluster":
        indices = matrix.cluster_order(cosines)
        cosines = cosines[np.ix_(indices, indices)]
    return Matrix(cosines, indices, *matrix.colour_range(cosines))


async def _page(place: Place) -> Response:
    as_json = wants_json(place.request)
    wanted = await overview.parse_selection(place, JSON_ROWS if as_json else MOST_ROWS, MOST_ROWS)
    order = _order(place)
    sample = await overview.take(place, wanted)
    found = await _computed(place, wanted, sample, order)
    keys = [sample.keys[index] for index in found.order]
    rows = await overview.read(place, lambda conn: similar.read(conn, place.source, keys))
    if as_json:
        return json_response(place.datasette, _as_json(place, sample, found, rows))
    named_by = await place.label_column(rows)
    ordered = [] if order == "cluster" else [("_order", order)]
    pairs = [*wanted.pairs, *ordered]
    versioned = [*pairs, ("_version", sample.version)]
    here = overview.url(place, "matrix")
    data = {
        "base": overview.url(place, ""),
        "values": overview.url(place, "matrix-values", versioned),
        "rows": [[row_path(row.key), label_of(row, named_by)] for row in rows],
        "range": [found.low, found.high],
        "palette": _pixels(matrix.palette()),
    }
    return await html_response(
        place.datasette,
        place.request,
        "revimg/matrix.html",
        {
            **overview.context(place, wanted, sample, here, ordered),
            "order": order,
            "data": data,
            "colours": matrix.COLOURS,
            "low": found.low,
            "high": found.high,
            "picture_url": overview.url(place, "matrix.png", versioned),
            "map_url": overview.url(place, "map", wanted.filters),
            "order_url": address(
                here, wanted.pairs + ([("_order", "key")] if order == "cluster" else [])
            ),
            "alternate_url_json": overview.url(place, "matrix.json", pairs),
        },
    )


def _pixels(colours: np.ndarray) -> list[int]:
    """Colours uint8 (n, 3) as a canvas has them: opaque RGBA, read as little-endian uint32."""
    opaque = np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1)
    pixels: list[int] = opaque.view("<u4")[:, 0].tolist()
    return pixels


def _as_json(
    place: Place, sample: Sample, found: Matrix, rows: list[similar.Row]
) -> dict[str, Any]:
    return {
        **place.body,
        "rows": [place.described(row) for row in rows],
        "matrix": [[round(value, 4) for value in line] for line in found.cosines.tolist()],
        "sampled": sample.is_part,
        "filtered_table_rows_count": sample.total,
    }


async def _picture(place: Place) -> Response:
    sample, order, found = await _part(place)
    if not sample.keys:
        raise Problem(404, f"no picture of {place.source.name} meets these filters")
    caption = f"{sample}, {place.embedded.model}"

    def draw() -> bytes:
        buffer = io.BytesIO()
        matrix.picture(found.cosines, caption).save(buffer, "PNG")
        return buffer.getvalue()

    body = await _pictures.get(overview.key(place, sample, order), draw)
    return overview.file_response(place, body, "image/png", sample)


async def _values(place: Place) -> Response:
    sample, _, found = await _part(place)
    body = matrix.halves(found.cosines)
    return overview.file_response(place, body, "application/octet-stream", sample)


async def _part(place: Place) -> tuple[Sample, str, Matrix]:
    wanted = await overview.parse_selection(place, MOST_ROWS, MOST_ROWS)
    order = _order(place)
    sample = await overview.take(place, wanted)
    overview.same_version(place, sample)
    return sample, order, await _computed(place, wanted, sample, order)
