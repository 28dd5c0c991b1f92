"""What narrows the results on their page: a form of filters, facets, and a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from datasette.filters import Filters
from datasette.utils import sqlite_timelimit
from datasette.utils.sqlite import sqlite3

from ...search.similar import Answer
from ...store import facets
from ...store.facets import Facet
from ...store.sql import fold_name
from ...vectors.percentiles import in_words
from .. import compat
from ..problems import Problem
from ..requests.filters import Condition, column_filters, filter_name
from ..requests.parameters import Pairs, Parameters, address, whole_number
from ..requests.place import Place

# So many results are counted one by one.
ENUMERATED = 1000

# Facets that nobody requested.
_SUGGESTED = 3


@dataclass(frozen=True)
class Facets:
    """The facets of an answer: each column's values as Datasette has them in its JSON, and the
    columns that took too long to count."""

    results: dict[str, dict[str, Any]]
    timed_out: list[str]


def requested_facets(place: Place) -> list[str]:
    """The columns that ``_facet`` names. Problem 400 for one that isn't there."""
    columns = {fold_name(name): name for name in (*place.source.columns, "rowid")}
    named = dict.fromkeys(place.request.args.getlist("_facet"))
    if named and not place.datasette.setting("allow_facet"):
        raise Problem(400, "_facet= is not allowed here")
    for name in named:
        if fold_name(name) not in columns:
            raise Problem(400, f"there is no column {name!r} in {place.source.name} to facet by")
    return list(dict.fromkeys(columns[fold_name(name)] for name in named))


async def count_facets(
    place: Place,
    parameters: Parameters,
    condition: Condition,
    found: Answer,
    here: str,
    suggest: bool = True,
) -> Facets:
    """Count the columns requested; with ``suggest`` also those that are configured, or some that
    seem worth it. Links lead to the page ``here``."""
    wanted = requested_facets(place)
    possible: list[str] = []
    settings = place.datasette.setting
    if suggest and settings("allow_facet"):
        wanted = list(dict.fromkeys([*wanted, *_configured(place)]))
    rows = facets.Rows(condition.sql, condition.values, found.excluded, found.keys)
    most = _size(place)
    timed_out: list[str] = []

    def count(conn: sqlite3.Connection) -> list[Facet]:
        counted = []

        def timed(column: str) -> bool:
            try:
                with sqlite_timelimit(conn, settings("facet_time_limit_ms")):
                    counted.append(facets.count(conn, place.source, column, rows, most))
            except sqlite3.OperationalError as error:
                if not _interrupted(error):
                    raise
                return False
            return True

        timed_out.extend([column for column in wanted if not timed(column)])
        if suggest and not wanted and settings("suggest_facets") and settings("allow_facet"):
            try:
                with sqlite_timelimit(conn, settings("facet_suggest_time_limit_ms")):
                    possible.extend(facets.suggested(conn, place.source, rows))
            except sqlite3.OperationalError as error:
                if not _interrupted(error):
                    raise
            # Nobody waits for what nobody requested: the first that takes too long ends it.
            all(timed(column) for column in possible[:_SUGGESTED])
        return counted

    results = {}
    for facet in await place.db.execute_fn(count):
        results[facet.column] = await _shaped(place, parameters, facet, here)
    return Facets(results, timed_out)


def _interrupted(error: sqlite3.OperationalError) -> bool:
    return bool((error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_INTERRUPT)


def _configured(place: Place) -> list[str]:
    """The table's ``facets`` in Datasette's configuration, as far as they are its columns."""
    configured = compat.table_configuration(place.datasette, place.db.name, place.source.name).get(
        "facets"
    )
    columns = [each.get("column") if isinstance(each, dict) else each for each in configured or []]
    return [column for column in columns if column in place.source.columns]


def _size(place: Place) -> int:
    """How many values to list, as on the table's page."""
    text, limit = place.request.args.get("_facet_size", ""), place.datasette.setting
    size = limit("max_returned_rows") if text == "max" else whole_number(text)
    return int(min(size or limit("default_facet_size"), limit("max_returned_rows")))


async def _shaped(place: Place, parameters: Parameters, facet: Facet, here: str) -> dict[str, Any]:
    labels = await compat.foreign_labels(
        place.datasette,
        place.request.actor,
        place.db.name,
        place.source.name,
        facet.column,
        [value for value, _ in facet.counts],
    )
    name = filter_name(facet.column)

    def value_of(value: Any, rows: int) -> dict[str, Any]:
        same = [(key, str(value)) for key in (name, f"{facet.column}__exact")]
        without = [pair for pair in parameters.pairs if pair not in same]
        selected = len(without) < len(parameters.pairs)
        pairs = without if selected else [*parameters.pairs, same[0]]
        return {
            # JSON knows no infinity.
            "value": None if isinstance(value, float) and not math.isfinite(value) else value,
            "label": labels.get(value, str(value)),
            "count": rows,
            "toggle_url": address(here, pairs),
            "selected": selected,
        }

    requested = facet.column in place.request.args.getlist("_facet")
    others = [pair for pair in parameters.pairs if pair != ("_facet", facet.column)]
    return {
        "name": facet.column,
        "type": "column",
        "results": [value_of(value, rows) for value, rows in facet.counts],
        "truncated": facet.truncated,
        "hideable": requested,
        "toggle_url": address(here, others) if requested else None,
    }


def filter_form(place: Place, parameters: Parameters, condition: Condition) -> dict[str, Any]:
    """The variables of the form of filters, which is that of the table's page."""
    filters = column_filters(parameters.pairs)
    return {
        "rows": list(Filters(filters).selections()),
        "columns": place.source.columns,
        "operators": [
            (f"{key}__1" if no_value else key, key, words)
            for key, words, no_value in Filters([]).lookups()
        ],
        "searchable": condition.searchable,
        "search": place.request.args.get("_search", ""),
        "hidden": [
            pair
            for pair in parameters.pairs
            if pair not in filters and not (condition.searchable and pair[0] == "_search")
        ],
    }


def threshold(parameters: Parameters, found: Answer, here: str) -> dict[str, Any]:
    """The variables of the slider: cosines from the median of the table's pairs up to 1."""
    background = found.distribution
    least = background.score(50) if background else 0.0
    if found.minimum is not None:
        least = min(least, found.minimum)
    least = math.floor(least * 100) / 100
    step = 0.01 if least < 0.5 else 0.005 if least < 0.8 else 0.001
    value = least if found.minimum is None else found.minimum
    kept: Pairs = parameters.without("_min")
    return {
        "hidden": kept,
        "least": f"{least:g}",
        "step": step,
        "value": f"{value:.6g}",
        "score": f"{value:.3f}",
        "percentile": in_words(background.percentile(value)) if background else None,
        # A region, or a picture of somebody's own, would be computed again each time.
        "count_url": address(
            here + ".json", parameters.without("_min", "_size", "_facet", "_shape")
        )
        if found.row and not parameters.crop
        else None,
    }


def minimum(found: Answer) -> dict[str, Any]:
    """The threshold as the JSON tells it."""
    if found.minimum is None:
        return {}
    background = found.distribution
    percentile = background.percentile(found.minimum) if background else None
    return {"minimum": {"score": found.minimum, "percentile": percentile}}
