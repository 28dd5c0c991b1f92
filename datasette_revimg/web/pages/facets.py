"""Facets of the similar pictures: how often each value of a column occurs among them.

Datasette's own facet classes were tried, restricted to the compared rows by their ``sql`` and
``params``, on 0.65 and on 1.0 alike. They count the same numbers, but their links and labels don't
fit here:

- 0.65 labels a foreign key's values without knowing the actor, and so reveals the names in a table
  that the actor may not view. (1.0 passes the actor on.)
- A column called ``like`` gets links with ``like=``, which here adds a picture to the query.
- A column of BLOBs is counted, and its values can't become JSON; ``rowid`` is counted as NULL,
  because their subquery has no such column.
- Links are absolute, and those of a table below a ``base_url`` repeat it when the request's path
  has it; the links of an uploaded picture have to lead to the page that it was posted to, with the
  fields of its form.
- ``suggest`` only offers links, after one query a column, where this page shows the counts.

So the numbers come from ``store.facets``, in the shape of Datasette's JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from datasette.utils import sqlite_timelimit
from datasette.utils.sqlite import sqlite3

from ...search.similar import Answer
from ...store import facets
from ...store.facets import Facet, Rows
from ...store.sql import fold_name
from .. import compat
from ..problems import Problem
from ..requests.filters import Condition, filter_name
from ..requests.parameters import Parameters, address, whole_number
from ..requests.place import Place
from ..requests.reading import read

# Up to this many results, facets count the results themselves.
ENUMERATED = 1000

# How many columns are counted that nobody requested.
_SUGGESTED = 3


@dataclass(frozen=True)
class Facets:
    """The facets of an answer, and the columns that took too long to count.

    Each column's values are as Datasette has them in its JSON.
    """

    results: dict[str, dict[str, Any]]
    timed_out: list[str]


@dataclass(frozen=True)
class _Counter:
    """Counts columns within Datasette's time limits, at most ``most`` values each."""

    place: Place
    rows: Rows
    most: int

    def count(self, conn: sqlite3.Connection, column: str) -> Facet | None:
        """Return the values of a column; None when that takes too long."""
        try:
            with sqlite_timelimit(conn, self.place.datasette.setting("facet_time_limit_ms")):
                return facets.count(conn, self.place.source, column, self.rows, self.most)
        except sqlite3.OperationalError as error:
            _check_interrupted(error)
            return None

    def count_all(
        self, conn: sqlite3.Connection, columns: list[str]
    ) -> tuple[list[Facet], list[str]]:
        """Return the values of these columns, and the columns that took too long."""
        counted = [(column, self.count(conn, column)) for column in columns]
        return (
            [facet for _, facet in counted if facet],
            [column for column, facet in counted if not facet],
        )

    def suggest(self, conn: sqlite3.Connection) -> list[Facet]:
        """Return the values of a few columns that are worth it, as far as there is time."""
        limit = self.place.datasette.setting("facet_suggest_time_limit_ms")
        try:
            with sqlite_timelimit(conn, limit):
                columns = facets.suggested(conn, self.place.source, self.rows)
        except sqlite3.OperationalError as error:
            _check_interrupted(error)
            return []
        counted: list[Facet] = []
        for column in columns[:_SUGGESTED]:
            facet = self.count(conn, column)
            # Nobody waits for what nobody requested.
            if facet is None:
                break
            counted.append(facet)
        return counted


def _check_interrupted(error: sqlite3.OperationalError) -> None:
    """Raise the error unless it is that a time limit has passed."""
    if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_INTERRUPT:
        raise error


def requested_facets(place: Place) -> list[str]:
    """Return the columns that ``_facet`` names. Raises Problem 400 for one that doesn't exist."""
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
    answer: Answer,
    here: str,
    suggest: bool = True,
) -> Facets:
    """Count the columns requested, with links to the page ``here``.

    With ``suggest`` also those that are configured for the table, or else a few that seem worth
    it.
    """
    setting = place.datasette.setting
    suggest = suggest and setting("allow_facet")
    columns = requested_facets(place)
    if suggest:
        columns = list(dict.fromkeys([*columns, *_configured(place)]))
    rows = Rows(condition.sql, condition.values, answer.excluded, answer.keys)
    counter = _Counter(place, rows, _size(place))

    def count(conn: sqlite3.Connection) -> tuple[list[Facet], list[str]]:
        if columns or not (suggest and setting("suggest_facets")):
            return counter.count_all(conn, columns)
        return counter.suggest(conn), []

    counted, timed_out = await read(place.db, count)
    results = {facet.column: await _facet_json(place, parameters, facet, here) for facet in counted}
    return Facets(results, timed_out)


def _configured(place: Place) -> list[str]:
    """Return the table's ``facets`` in Datasette's configuration that are its columns."""
    table = compat.table_configuration(place.datasette, place.db.name, place.source.name)
    configured = table.get("facets") or []
    columns = [each.get("column") if isinstance(each, dict) else each for each in configured]
    return [column for column in columns if column in place.source.columns]


def _size(place: Place) -> int:
    """Return how many values to list, as on the table's page."""
    text, limit = place.request.args.get("_facet_size", ""), place.datasette.setting
    size = limit("max_returned_rows") if text == "max" else whole_number(text)
    return int(min(size or limit("default_facet_size"), limit("max_returned_rows")))


async def _facet_json(
    place: Place, parameters: Parameters, facet: Facet, here: str
) -> dict[str, Any]:
    labels = await compat.foreign_labels(
        place.datasette,
        place.request.actor,
        place.db.name,
        place.source.name,
        facet.column,
        [value for value, _ in facet.counts],
    )
    requested = facet.column in place.request.args.getlist("_facet")
    others = [pair for pair in parameters.pairs if pair != ("_facet", facet.column)]
    return {
        "name": facet.column,
        "type": "column",
        "results": [
            _value_json(parameters, facet.column, value, rows, labels, here)
            for value, rows in facet.counts
        ],
        "truncated": facet.truncated,
        "hideable": requested,
        "toggle_url": address(here, others) if requested else None,
    }


def _value_json(
    parameters: Parameters,
    column: str,
    value: Any,
    rows: int,
    labels: dict[Any, str],
    here: str,
) -> dict[str, Any]:
    filters = [(name, str(value)) for name in (filter_name(column), f"{column}__exact")]
    without = [pair for pair in parameters.pairs if pair not in filters]
    selected = len(without) < len(parameters.pairs)
    return {
        # JSON knows no infinity.
        "value": None if isinstance(value, float) and not math.isfinite(value) else value,
        "label": labels.get(value, str(value)),
        "count": rows,
        "toggle_url": address(here, without if selected else [*parameters.pairs, filters[0]]),
        "selected": selected,
    }
