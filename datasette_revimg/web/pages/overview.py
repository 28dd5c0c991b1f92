"""Shared by the map and the matrix of a table: the selected rows, links, the table's menu."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from datasette import Response

from ...errors import RevimgError
from ...keys import Key
from ...overview import sample as sampling
from ...overview.sample import Sample
from ...store import reading
from ..compat import Datasette
from ..problems import Problem
from ..requests.filters import Condition, parse_condition, row_filters
from ..requests.parameters import Pairs, address, parse_pairs, parse_size
from ..requests.place import Place
from ..requests.reading import read_much
from ..requests.responses import CACHE_SECONDS, file_response
from ..work.kept import table_key
from ..work.state import state_of
from . import context, wording
from .context import Conditions, Empty, Link, RemovableFilter, TablePage


@dataclass(frozen=True)
class Selection:
    """The rows that a request is about: at most ``size`` of those that meet ``condition``.

    ``pairs`` is the query string that says so, for the links to other pages about these rows.
    """

    size: int
    condition: Condition
    pairs: Pairs
    filters: Pairs


@dataclass(frozen=True, kw_only=True)
class OverviewPage(TablePage):
    """The part that the pages of the map and of the matrix share; ``empty`` replaces the stage."""

    facts: list[str]
    json_url: str
    conditions: Conditions
    table_url: str
    empty: Empty | None


async def parse_selection(place: Place, default: int, most: int) -> Selection:
    """Return what the query string selects. Raises Problem 400 for an impossible value."""
    size = parse_size(place.request, default, most)
    pairs = parse_pairs(place.request)
    condition = await parse_condition(place, pairs)
    filters = row_filters(pairs)
    sizes = [pair for pair in pairs if pair[0] == "_size"]
    return Selection(size=size, condition=condition, pairs=[*filters, *sizes], filters=filters)


async def sample_rows(place: Place, selection: Selection) -> Sample:
    """Return the selected rows as they are now, without those whose vectors are damaged."""
    known = state_of(place.datasette).database(place.db).damage

    def find(conn: sqlite3.Connection) -> tuple[Sample, list[Key]]:
        sample = _sample(conn, place, selection)
        suspects = known.get(sample.version)
        # All vectors are read once for each version; after that, those that were damaged.
        keys = sample.keys if suspects is None else suspects
        return sample, reading.damaged_keys(conn, place.source, keys)

    # One after the other: whoever asks the same meanwhile finds what the first one found.
    async with state_of(place.datasette).overview_reads.turn():
        sample, damaged = await read_much(place.datasette, place.db, find)
        known.put(sample.version, damaged)
    return sample.without(damaged)


async def vectors(place: Place, selection: Selection, sample: Sample) -> np.ndarray:
    """Return the unit vectors of the sample, float32 (n, D).

    Raises Problem 503 when the rows have changed since they were sampled.
    """

    def find(conn: sqlite3.Connection) -> np.ndarray:
        try:
            matrix = reading.vectors_in_order(conn, place.source, sample.keys)
        except RevimgError:
            state_of(place.datasette).database(place.db).damage.forget()
            raise _changing(place) from None
        if _sample(conn, place, selection).without(sample.damaged).version != sample.version:
            raise _changing(place)
        return matrix

    async with state_of(place.datasette).overview_reads.turn():
        return await read_much(place.datasette, place.db, find)


def _sample(conn: sqlite3.Connection, place: Place, selection: Selection) -> Sample:
    among = selection.condition.keys
    return sampling.sample_rows(conn, place.source, selection.size, among=among)


def _changing(place: Place) -> Problem:
    return Problem(503, f"{place.source.name} is being changed; try again in a moment")


def same_version(place: Place, sample: Sample) -> None:
    """Raise Problem 409 when the rows have changed since the page that sends this was made."""
    version = place.request.args.get("_version")
    if version is not None and version != sample.version:
        raise Problem(409, f"{place.source.name} has changed since: load the page again")


def key(place: Place, sample: Sample, *more: Any) -> Any:
    """Return the key under which a result of the sample is kept."""
    return table_key(place.db, place.source.name, sample.version, *more)


def url(place: Place, page: str, pairs: Pairs | None = None) -> str:
    """Return the address of our page about the table with this name, or with "" of its own."""
    table: str = place.datasette.urls.table(place.db.name, place.source.name)
    return address(table + f"/-/{page}" if page else table, pairs or [])


def overview_fields(
    place: Place, selection: Selection, sample: Sample, page: str, kept: Pairs
) -> dict[str, Any]:
    """Return the fields of ``OverviewPage`` for the page with this name.

    Its links with other filters keep the size and the pairs ``kept``.
    """
    here = url(place, page)
    kept = [*(pair for pair in selection.pairs if pair[0] == "_size"), *kept]
    filters = [
        RemovableFilter(each.text, address(here, row_filters(each.without) + kept))
        for each in selection.condition.filters
    ]
    return {
        **context.table_fields(place),
        "facts": [*filter(None, [str(sample), sample.left_out]), wording.network(place.embedded)],
        "conditions": context.conditions(filters, here, kept),
        "table_url": url(place, "", selection.filters),
        "empty": None if sample.keys else _empty(place, bool(filters), address(here, kept)),
    }


def _empty(place: Place, filtered: bool, clear_url: str) -> Empty:
    table = place.source.name
    link = Link(f"Show all of {table}", clear_url) if filtered else None
    return Empty(wording.no_pictures(table, filtered), link)


async def sample_response(
    place: Place, sample: Sample, content_type: str, make: Callable[[], Awaitable[bytes]]
) -> Response:
    """Return a picture or numbers, which stay the same as long as the rows of a sample do."""
    # An address with a version changes with the rows.
    seconds = CACHE_SECONDS if "_version" in place.request.args else 0
    version = sample.version.encode()
    return await file_response(place.request, version, content_type, make, seconds=seconds)


async def actions(datasette: Datasette, database: str, table: str, request: Any) -> list[Any]:
    """Return *Map* and *Matrix* for the table's menu, with the filters of the table's page."""
    known = (await state_of(datasette).registry(datasette.get_database(database))).table(table)
    if known is None:
        return []
    name = known.source.name
    query = request.query_string if request else ""
    filters = row_filters(parse_qsl(query, keep_blank_values=True))
    base = datasette.urls.table(database, name)
    return [
        {
            "href": address(base + "/-/map", filters),
            "label": "Map",
            "description": "All pictures on one plane, with similar ones near each other.",
        },
        {
            "href": address(base + "/-/matrix", filters),
            "label": "Matrix",
            "description": "How similar each picture is to every other one.",
        },
    ]
