"""The similarity matrix of a table, as a page, as JSON and as a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from datasette import Response

from ...keys import row_path
from ...overview import matrix
from ...overview.matrix import SimilarityMatrix
from ...overview.sample import Sample
from ...pictures import palettes
from ...pictures.similarity_matrix import draw_matrix
from ...search.rows import Row, read_rows
from ..problems import Problem
from ..requests.parameters import address
from ..requests.place import Place
from ..requests.reading import read
from ..requests.responses import (
    html_response,
    json_array,
    json_object,
    long_json_response,
    wants_json,
)
from ..requests.view import view
from ..rows import label_of
from ..work.queue import Queue
from ..work.state import state_of
from . import overview, wording
from .context import Empty, Link
from .overview import OverviewPage, Selection

# Browsers draw this many rows well, and load 4 MB of cosines for them.
MOST_ROWS = 2000

# 200 rows are 40,000 numbers, 300 kB of JSON; 500 are 2 MB. Whoever reads it slowly keeps all of
# it in memory: 2,000 rows would be 32 MB.
JSON_ROWS = 200
MOST_JSON_ROWS = 500


@dataclass(frozen=True)
class Order:
    """The order of the rows in words, and a link to the other one."""

    sentence: str
    other: Link


@dataclass(frozen=True)
class Scale:
    """The colours between two cosines, in words, as a CSS gradient."""

    low: str
    high: str
    gradient: str


@dataclass(frozen=True, kw_only=True)
class MatrixPage(OverviewPage):
    """The page of the matrix; ``data`` is what its script draws."""

    template: ClassVar[str] = "revimg/matrix.html"

    map_url: str
    picture_url: str | None
    order: Order | None
    scale: Scale
    data: dict[str, Any]


def _order(place: Place) -> str:
    order: str = place.request.args.get("_order", matrix.ORDERS[0])
    if order not in matrix.ORDERS:
        raise Problem(400, f"_order must be one of {', '.join(matrix.ORDERS)}, not {order!r}")
    return order


async def _computed(
    place: Place, selection: Selection, sample: Sample, order: str
) -> SimilarityMatrix:
    async def compute(queue: Queue) -> SimilarityMatrix:
        vectors = await overview.vectors(place, selection, sample)
        return await queue.run(partial(matrix.compute_matrix, vectors, order))

    matrices = state_of(place.datasette).matrices
    return await matrices.get(overview.key(place, sample, order), compute)


@view()
async def page(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/matrix{.json}`` with all pictures compared pairwise."""
    as_json = wants_json(place.request)
    sizes = (JSON_ROWS, MOST_JSON_ROWS) if as_json else (MOST_ROWS, MOST_ROWS)
    selection = await overview.parse_selection(place, *sizes)
    order = _order(place)
    sample = await overview.sample_rows(place, selection)
    computed = await _computed(place, selection, sample, order)
    keys = [sample.keys[index] for index in computed.order]
    rows = await read(place.db, lambda conn: read_rows(conn, place.source, keys))
    if as_json:
        key = overview.key(place, sample, order)
        texts = state_of(place.datasette).matrix_texts
        write = partial(_cosines_json, computed.cosines)
        cosines = await texts.get(key, lambda queue: queue.run(write))
        return await long_json_response(
            place.datasette, lambda: _as_json(place, sample, cosines, rows)
        )
    page = await _page(place, selection, sample, computed, rows)
    return await html_response(place.datasette, place.request, page)


async def _page(
    place: Place,
    selection: Selection,
    sample: Sample,
    computed: SimilarityMatrix,
    rows: list[Row],
) -> MatrixPage:
    order = _order(place)
    kept = [] if order == matrix.CLUSTER else [("_order", order)]
    pairs = [*selection.pairs, *kept]
    versioned = [*pairs, ("_version", sample.version)]
    json_pairs = pairs if selection.size <= MOST_JSON_ROWS else [*selection.filters, *kept]
    fields = overview.overview_fields(place, selection, sample, "matrix", kept)
    if len(rows) == 1:
        filtered = bool(selection.condition.filters)
        fields["empty"] = Empty(wording.only_one(place.source.name, filtered))
    return MatrixPage(
        **fields,
        json_url=overview.url(place, "matrix.json", json_pairs),
        map_url=overview.url(place, "map", selection.filters),
        picture_url=overview.url(place, "matrix.png", versioned) if rows else None,
        order=_described_order(place, selection, order) if len(rows) > 2 else None,
        scale=_scale(computed),
        data={
            "base": overview.url(place, ""),
            "values": overview.url(place, "matrix-values", versioned),
            "rows": await _labels(place, rows),
            "range": [computed.low, computed.high],
            "palette": _pixels(palettes.steps(palettes.VIRIDIS)),
        },
    )


async def _labels(place: Place, rows: list[Row]) -> list[list[str]]:
    """Return each row's key, as in its address, and its label."""
    label = await place.label_column(rows)
    return [[row_path(row.key), label_of(row, label)] for row in rows]


def _described_order(place: Place, selection: Selection, order: str) -> Order:
    here = overview.url(place, "matrix")
    if order == matrix.CLUSTER:
        url = address(here, [*selection.pairs, ("_order", matrix.BY_KEY)])
        return Order("Ordered by clusters.", Link("Order by key", url))
    url = address(here, selection.pairs)
    return Order("Ordered by key.", Link("Order by clusters", url))


def _scale(computed: SimilarityMatrix) -> Scale:
    colours = ", ".join(f"#{colour}" for colour in palettes.VIRIDIS)
    gradient = f"linear-gradient(to right, {colours})"
    return Scale(f"≤ {computed.low:.2f}", f"≥ {computed.high:.2f}", gradient)


def _pixels(colours: np.ndarray) -> list[int]:
    """Return colours uint8 (n, 3) as a canvas has them: opaque RGBA as little-endian uint32."""
    opaque = np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1)
    pixels: list[int] = opaque.view("<u4")[:, 0].tolist()
    return pixels


def _cosines_json(cosines: np.ndarray) -> str:
    """Return cosines, float32 (n, n), as JSON with four decimals."""
    return json_array(np.round(line.astype(np.float64), 4).tolist() for line in cosines)


def _as_json(place: Place, sample: Sample, cosines: str, rows: list[Row]) -> bytes:
    return json_object(
        {
            **{name: json.dumps(value) for name, value in place.body.items()},
            "rows": json_array(map(place.described, rows)),
            "matrix": cosines,
            "sampled": json.dumps(sample.is_part),
            "filtered_table_rows_count": json.dumps(sample.total),
        }
    )


@view()
async def picture(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/matrix.png`` with the matrix as a heat map."""
    selection, sample, order = await _part(place)
    if not sample.keys:
        raise Problem(404, f"no picture of {place.source.name} meets these filters")
    caption = f"{sample}, {place.embedded.model}"

    async def draw() -> bytes:
        computed = await _computed(place, selection, sample, order)
        key = overview.key(place, sample, order)
        pictures = state_of(place.datasette).matrix_pictures
        work = partial(draw_matrix, computed.cosines, computed.low, computed.high, caption)
        return await pictures.get(key, lambda queue: queue.run(work))

    return await overview.sample_response(place, sample, "image/png", draw)


@view()
async def values(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/matrix-values`` with the cosines, see matrix.pack_pairs."""
    selection, sample, order = await _part(place)

    async def halves() -> bytes:
        computed = await _computed(place, selection, sample, order)
        pack = partial(matrix.pack_pairs, computed.cosines)
        return await state_of(place.datasette).writing.run(pack)

    return await overview.sample_response(place, sample, "application/octet-stream", halves)


async def _part(place: Place) -> tuple[Selection, Sample, str]:
    selection = await overview.parse_selection(place, MOST_ROWS, MOST_ROWS)
    order = _order(place)
    sample = await overview.sample_rows(place, selection)
    overview.same_version(place, sample)
    return selection, sample, order
