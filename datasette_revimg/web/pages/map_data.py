"""Data for the script of the map: places and labels as JSON, thumbnails in sheets."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
from datasette import Response

from ...keys import row_path
from ...overview.sample import Sample
from ...pictures import sprites
from ...pictures.sprites import Grid
from ...store import thumbnails
from ..problems import Problem
from ..requests.parameters import whole_number
from ..requests.place import Place
from ..requests.reading import read
from ..requests.view import view
from ..rows import label_of
from ..work.queue import Queue
from ..work.state import state_of
from . import overview
from .map import MOST_ROWS, compute_layout, rows_at
from .overview import Selection


@view()
async def data(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/map-data`` with what the page draws.

    With ``_places`` only the places, for a page that has everything else already.
    """
    selection = await overview.parse_selection(place, MOST_ROWS, MOST_ROWS)
    sample = await overview.sample_rows(place, selection)
    overview.same_version(place, sample)
    computed = await compute_layout(place, selection, sample)
    body: dict[str, Any] = {
        "version": sample.version,
        "method": computed.method,
        "pending": computed.pending,
        "places": np.round(computed.places.astype(np.float64), 4).tolist(),
    }
    if "_places" not in place.request.args:
        body |= await _pictures(place, selection, sample)
    return Response(
        json.dumps(body, separators=(",", ":")),
        200,
        {"Cache-Control": "private, no-cache"},
        "application/json; charset=utf-8",
    )


async def _pictures(place: Place, selection: Selection, sample: Sample) -> dict[str, Any]:
    """Return what the page draws at the places, and where it gets better places."""
    rows = await rows_at(place, sample, list(range(len(sample.keys))))
    label = await place.label_column(rows)
    grid = Grid(len(rows))
    versioned = [*selection.pairs, ("_version", sample.version)]
    return {
        "base": overview.url(place, ""),
        "improved": overview.url(place, "map-data", [*versioned, ("_places", "1")]),
        "cell": grid.cell,
        "sheets": [
            overview.url(place, "map-sheet", [*versioned, ("_sheet", str(number))])
            for number in range(grid.sheets)
        ],
        "rows": [
            [row_path(row.key), label_of(row, label), *sprites.fitted_size(row.size, grid.cell)]
            for row in rows
        ],
    }


@view()
async def sheet(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/map-sheet`` with many small thumbnails in one WebP."""
    selection = await overview.parse_selection(place, MOST_ROWS, MOST_ROWS)
    sample = await overview.sample_rows(place, selection)
    overview.same_version(place, sample)
    grid = Grid(len(sample.keys))
    text = place.request.args.get("_sheet", "0")
    number = whole_number(text)
    if number is None or number >= grid.sheets:
        raise Problem(404, f"there is no sheet {text!r}; this map has {grid.sheets}")
    key = overview.key(place, sample, number)
    keys = sample.keys[number * grid.per_sheet : (number + 1) * grid.per_sheet]

    sheets = state_of(place.datasette).sheets

    async def draw(queue: Queue) -> bytes:
        pictures = await read(place.db, lambda conn: thumbnails.read_many(conn, place.source, keys))
        known = await read(place.db, lambda conn: thumbnails.read_sizes(conn, place.source, keys))
        sizes = [known.get(each) for each in keys]
        return await queue.run(partial(sprites.draw_sheet, pictures, sizes, grid.cell))

    return await overview.sample_response(
        place, sample, "image/webp", lambda: sheets.get(key, draw)
    )
