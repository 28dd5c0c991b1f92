"""The map of a table: its pictures on one plane, similar ones near each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from datasette import Response

from ...overview import layout
from ...overview.sample import Sample
from ...search.rows import Row, read_rows
from ..problems import BusyError
from ..requests.place import Place
from ..requests.reading import read_much
from ..requests.responses import (
    html_response,
    json_array,
    json_object,
    long_json_response,
    wants_json,
)
from ..requests.view import view
from ..rows import label_of
from ..work import better_map
from ..work.queue import Queue
from ..work.state import state_of
from . import overview, wording
from .overview import OverviewPage, Selection

# Browsers draw this many pictures smoothly.
MOST_ROWS = 10_000

# A better map is given up when nobody has asked for it for so long. The page asks every 10 seconds.
PATIENCE_SECONDS = 60.0

# Pictures in the list for browsers without JavaScript.
LISTED = 200


@dataclass(frozen=True)
class Layout:
    """Places float32 (n, 2) in 0 to 1, and the method that found them.

    ``pending`` is a better method whose places are being computed.
    """

    places: np.ndarray
    method: str
    pending: str | None


@dataclass(frozen=True)
class ListedPicture:
    """A picture in the list for browsers without JavaScript."""

    label: str
    similar_url: str
    thumbnail_url: str


@dataclass(frozen=True, kw_only=True)
class MapPage(OverviewPage):
    """The page of the map; ``data_url`` is where its script gets what it draws."""

    template: ClassVar[str] = "revimg/map.html"

    method: str
    matrix_url: str
    data_url: str
    listed: str
    rows: list[ListedPicture]


async def compute_layout(place: Place, selection: Selection, sample: Sample) -> Layout:
    """Return the better map if there is one, else the quick one; the better one is begun then.

    Of the maps that wait for their turn, none holds any vectors yet.
    """
    if not sample.keys:
        return Layout(np.zeros((0, 2), np.float32), layout.PCA, None)
    key = overview.key(place, sample)
    state = state_of(place.datasette)
    better = layout.better_method() if len(sample.keys) >= layout.LEAST_TSNE else None
    if better and (places := state.better_maps.ready(key)) is not None:
        return Layout(places, better, None)

    async def quick_map(queue: Queue) -> np.ndarray:
        vectors = await overview.vectors(place, selection, sample)
        return await queue.run(partial(layout.pca, vectors))

    async def by_tsne(queue: Queue) -> np.ndarray:
        vectors = await overview.vectors(place, selection, sample)
        components = await queue.run(partial(layout.leading_components, vectors))
        del vectors
        return await better_map.tsne(components)

    places = await state.quick_maps.get(key, quick_map)
    if better and not state.better_maps.failed(key):
        try:
            state.better_maps.begin(key, by_tsne, PATIENCE_SECONDS)
        except BusyError:
            # Too much to do; there is a map all the same.
            better = None
    return Layout(places, layout.PCA, None if state.better_maps.failed(key) else better)


@view()
async def page(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/map{.json}`` with the pictures and their places."""
    selection = await overview.parse_selection(place, MOST_ROWS, MOST_ROWS)
    sample = await overview.sample_rows(place, selection)
    computed = await compute_layout(place, selection, sample)
    if wants_json(place.request):
        rows = await rows_at(place, sample, list(range(len(sample.keys))))
        return await long_json_response(
            place.datasette, lambda: _as_json(place, sample, computed, rows)
        )
    page = await _page(place, selection, sample, computed)
    return await html_response(place.datasette, place.request, page)


async def _page(place: Place, selection: Selection, sample: Sample, computed: Layout) -> MapPage:
    rows = await rows_at(place, sample, _first(computed.places))
    label = await place.label_column(rows)
    return MapPage(
        **overview.overview_fields(place, selection, sample, "map", []),
        json_url=overview.url(place, "map.json", selection.pairs),
        method=wording.method(computed.method, computed.pending),
        matrix_url=overview.url(place, "matrix", selection.filters),
        data_url=overview.url(place, "map-data", selection.pairs),
        listed=wording.listed(len(rows), len(sample.keys)),
        rows=[
            ListedPicture(
                label_of(row, label),
                place.url(row.key, "similar"),
                place.url(row.key, "thumbnail"),
            )
            for row in rows
        ],
    )


def _first(places: np.ndarray) -> list[int]:
    """Return the indices of at most LISTED places (n, 2), evenly spread, from left to right."""
    order = np.argsort(places[:, 0], kind="stable")
    chosen = np.linspace(0, len(order) - 1, min(LISTED, len(order))).round().astype(int)
    indices: list[int] = order[chosen].tolist()
    return indices


async def rows_at(place: Place, sample: Sample, indices: list[int]) -> list[Row]:
    """Return the rows at these indices of a sample."""
    keys = [sample.keys[index] for index in indices]
    async with state_of(place.datasette).overview_reads.turn():
        return await read_much(
            place.datasette, place.db, lambda conn: read_rows(conn, place.source, keys)
        )


def _as_json(place: Place, sample: Sample, computed: Layout, rows: list[Row]) -> bytes:
    body = {**place.body, "method": computed.method, "pending": computed.pending}
    return json_object(
        {
            **{name: json.dumps(value) for name, value in body.items()},
            "rows": json_array(
                {"x": round(x, 4), "y": round(y, 4), **place.described(row)}
                for (x, y), row in zip(computed.places.tolist(), rows, strict=True)
            ),
            "sampled": json.dumps(sample.is_part),
            "filtered_table_rows_count": json.dumps(sample.total),
        }
    )
