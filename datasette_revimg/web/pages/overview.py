"""What the two pages about a whole table have in common: which rows, links, the table's menu."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import numpy as np
from datasette import Response
from datasette.utils import sqlite_timelimit

from ...errors import RevimgError
from ...overview import sample as sampling
from ...overview.sample import Sample
from ...store import reading
from ..embedded import current_registry
from ..problems import SEARCH_SECONDS, Problem
from ..requests import parameters
from ..requests.parameters import Condition, Pairs, Parameters, address
from ..requests.place import Place
from ..work.kept import place_key

if TYPE_CHECKING:
    from datasette.app import Datasette

Read = TypeVar("Read")

# Browsers may show a picture again this long without asking. Its address changes with the rows.
PICTURE_SECONDS = 300


@dataclass(frozen=True)
class Asked:
    """Which rows a request is about: ``size`` at most, of those that meet ``condition``.

    ``pairs`` is the query string that says so, for the links to other pages about these rows.
    """

    size: int
    condition: Condition
    pairs: Pairs
    filters: Pairs


async def parse_selection(place: Place, default: int, most: int) -> Asked:
    """Read the query string. Problem 400 for a value that can't be."""
    text = place.request.args.get("_size")
    size = default
    if text is not None:
        if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
            raise Problem(400, f"_size must be a whole number from 1 to {most}, not {text!r}")
        size = int(text)
    pairs = parameters.pairs_of(place.request)
    question = Parameters(pairs, size, None, parameters.SHAPES[0], (), ())
    condition = await parameters.condition(
        place.datasette, place.request, place.db, place.source, question
    )
    filters = only_filters(pairs)
    return Asked(size, condition, [*filters, *question.only("_size")], filters)


def only_filters(pairs: Pairs) -> Pairs:
    """The pairs of a query string, the table page's or ours, that say which rows are meant."""
    return [
        (name, value)
        for name, value in pairs
        if not name.startswith("_") or "__" in name or name in ("_where", "_through", "_search")
        or name.startswith("_search_")
    ]  # fmt: skip


async def take(place: Place, wanted: Asked) -> Sample:
    """The rows as they are now."""
    return await read(place, lambda conn: _sample(conn, place, wanted))


async def vectors(place: Place, wanted: Asked, sample: Sample) -> np.ndarray:
    """The unit vectors of the sample, float32 (n, D). Problem 503 when it has changed meanwhile."""

    def found(conn: sqlite3.Connection) -> np.ndarray:
        try:
            matrix = reading.vectors_in_order(conn, place.source, sample.keys)
        except RevimgError:
            raise _changing(place) from None
        if _sample(conn, place, wanted).version != sample.version:
            raise _changing(place)
        return matrix

    return await read(place, found)


async def read(place: Place, work: Callable[[sqlite3.Connection], Read]) -> Read:
    """Run ``work`` with a connection in Datasette's SQL threads, for SEARCH_SECONDS at most."""

    def limited(conn: sqlite3.Connection) -> Read:
        with sqlite_timelimit(conn, SEARCH_SECONDS * 1000):
            return work(conn)

    result: Read = await place.db.execute_fn(limited)
    return result


def _sample(conn: sqlite3.Connection, place: Place, wanted: Asked) -> Sample:
    return sampling.sample_rows(
        conn, place.source, wanted.size, wanted.condition.sql, wanted.condition.values
    )


def _changing(place: Place) -> Problem:
    return Problem(503, f"{place.source.name} is being changed, try again in a moment")


def same_version(place: Place, sample: Sample) -> None:
    """Problem 409 when a page asks for a part of what it shows, and the rows have changed since."""
    version = place.request.args.get("_version")
    if version is not None and version != sample.version:
        raise Problem(409, f"{place.source.name} has changed since: load the page again")


def key(place: Place, sample: Sample, *more: Any) -> Any:
    """What a result that depends on the sample is kept by."""
    return place_key(place.db, place.source.name, sample.version, *more)


def url(place: Place, page: str, pairs: Pairs = ()) -> str:  # type: ignore[assignment]
    """The address of one of our pages about the table, or with "" that of the table's own."""
    table: str = place.datasette.urls.table(place.db.name, place.source.name)
    return address(table + f"/-/{page}" if page else table, list(pairs))


def context(
    place: Place,
    wanted: Asked,
    sample: Sample,
    here: str,
    kept: Pairs = (),  # type: ignore[assignment]
) -> dict[str, Any]:
    """What the templates of both pages show; links to ``here`` with other filters keep the size
    and the pairs ``kept``."""
    kept = [*(pair for pair in wanted.pairs if pair[0] == "_size"), *kept]
    return {
        **place.context,
        "sample": sample,
        "conditions": [
            (each.text, address(here, only_filters(each.without) + kept))
            for each in wanted.condition.filters
        ],
        "clear_url": address(here, kept),
        "table_url": url(place, "", wanted.filters),
    }


def file_response(place: Place, body: bytes, content_type: str, sample: Sample) -> Response:
    """A picture or numbers, which stay the same as long as the rows do."""
    tag = f'"{sample.version}"'
    headers = {
        "ETag": tag,
        # Never in a cache that several people share, nor for the next who signs in here.
        "Cache-Control": f"private, max-age={PICTURE_SECONDS}"
        if "_version" in place.request.args
        else "private, no-cache",
        "Vary": "Cookie, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    if tag in place.request.headers.get("if-none-match", ""):
        return Response(b"", 304, headers, content_type)
    return Response(body, 200, headers, content_type)


async def actions(datasette: Datasette, database: str, table: str, request: Any) -> list[Any]:
    """*Map* and *Matrix* of the table's menu, of the rows that the table's page shows."""
    found = (await current_registry(datasette.get_database(database))).table(table)
    if found is None:
        return []
    name = found.source.name
    query = request.query_string if request else ""
    filters = only_filters(parse_qsl(query, keep_blank_values=True))
    base = datasette.urls.table(database, name)
    return [
        {
            "href": address(base + "/-/map", filters),
            "label": "Map",
            "description": "All pictures on one plane, similar ones near each other.",
        },
        {
            "href": address(base + "/-/matrix", filters),
            "label": "Matrix",
            "description": "How similar each picture is to every other one.",
        },
    ]
