"""Data for the script of the map: places and labels as JSON, thumbnails in sheets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from datasette import Response

from ...keys import row_path
from ...overview.sample import Sample
from ...pictures import sprites
from ...pictures.sprites import Grid
from ...search.rows import Row
from ...store import thumbnails
from ..problems import Problem
from ..requests.parameters import whole_number
from ..requests.place import Place
from ..requests.reading import read
from ..requests.responses import json_array, json_object, long_json_response
from ..requests.view import view
from ..rows import label_of
from ..work.queue import Queue
from ..work.state import state_of
from . import overview
from .map import MOST_ROWS, Layout, compute_layout, rows_at
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
    members: dict[str, Any] = {
        "version": sample.version,
        "method": computed.method,
        "pending": computed.pending,
    }
    if "_places" in place.request.args:
        return await _data_response(place, members, computed, None)
    rows = await rows_at(place, sample, list(range(len(sample.keys))))
    drawn = Drawn(rows, await place.label_column(rows), Grid(len(rows)))
    members |= _addresses(place, selection, sample, drawn.grid)
    return await _data_response(place, members, computed, drawn)


@dataclass(frozen=True)
class Drawn:
    """What the page draws: rows, named by the column ``label``, on the sheets of ``grid``."""

    rows: list[Row]
    label: str | None
    grid: Grid


def _addresses(place: Place, selection: Selection, sample: Sample, grid: Grid) -> dict[str, Any]:
    """Return where the page gets better places and its sheets, and where it leads to."""
    versioned = [*selection.pairs, ("_version", sample.version)]
    return {
        "base": overview.url(place, ""),
        "improved": overview.url(place, "map-data", [*versioned, ("_places", "1")]),
        "cell": grid.cell,
        "sheets": [
            overview.url(place, "map-sheet", [*versioned, ("_sheet", str(number))])
            for number in range(grid.sheets)
        ],
    }


async def _data_response(
    place: Place, members: dict[str, Any], computed: Layout, drawn: Drawn | None
) -> Response:
    def write() -> bytes:
        places = np.round(computed.places.astype(np.float64), 4).tolist()
        texts = {name: json.dumps(value) for name, value in members.items()}
        texts["places"] = json_array(places)
        if drawn:
            texts["rows"] = json_array(map(partial(_described, drawn), drawn.rows))
        return json_object(texts)

    response = await long_json_response(place.datasette, write)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _described(drawn: Drawn, row: Row) -> list[Any]:
    size = sprites.fitted_size(row.size, drawn.grid.cell)
    return [row_path(row.key), label_of(row, drawn.label), *size]


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
