"""Filters of rows, from a query string or a form: as SQL, in words, and without each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from datasette.filters import Filters
from datasette.plugins import pm
from datasette.utils import await_me_maybe, sqlite_timelimit
from datasette.utils.sqlite import sqlite3
from datasette.views.base import DatasetteError

from ...keys import Key
from ...store.sql import fold_name
from ...store.tables import Table, live_keys
from ..problems import Problem
from .parameters import ROWS, Pairs
from .place import Place

_FIELD = re.compile("_filter_(column|op|value)(_[0-9]+)?")


@dataclass(frozen=True)
class Filter:
    """A condition in words, and the query string without it."""

    text: str
    without: Pairs


@dataclass(frozen=True)
class Condition:
    """Filters as a SQL condition with its parameters, and in words.

    ``keys`` are those of the rows that meet it, None without filters. ``searchable``: whether the
    table has a full-text index.
    """

    sql: str
    values: dict[str, Any]
    filters: list[Filter]
    keys: list[Key] | None
    searchable: bool = False


def column_filters(pairs: Pairs) -> Pairs:
    """Return the pairs of a query string that filter by columns, as on the table's own page."""
    # What starts with an underscore is no column, unless an operator follows.
    return [
        (name, value)
        for name, value in pairs
        if name not in ROWS and (not name.startswith("_") or "__" in name)
    ]


def row_filters(pairs: Pairs) -> Pairs:
    """Return the pairs of a query string that filter rows.

    These are filters by columns, and those of Datasette's own plugins, of the table page or ours.
    """
    columns = column_filters(pairs)
    return [
        (name, value)
        for name, value in pairs
        if (name, value) in columns
        or name in ("_where", "_through", "_search")
        or name.startswith("_search_")
    ]


def filter_name(column: str) -> str:
    """Return the name of the parameter that filters rows by their values in this column."""
    ours = column in ROWS or column.startswith("_") or "__" in column
    return f"{column}__exact" if ours else column


def sent_by_form(pairs: Pairs) -> bool:
    """Return whether a form of filters, the table page's or ours, has sent these pairs."""
    return any(_FIELD.fullmatch(name) for name, _ in pairs)


def from_form(pairs: Pairs) -> Pairs:
    """Return the query string that says the same as the fields of a form of filters."""
    rows: dict[str, dict[str, str]] = {}
    kept = []
    for name, value in pairs:
        field = _FIELD.fullmatch(name)
        if field:
            rows.setdefault(field[2] or "", {})[field[1]] = value
        elif (name, value) != ("_search", ""):
            kept.append((name, value))
    for row in rows.values():
        column, value = row.get("column"), row.get("value", "")
        # An operator without a value comes with one: isnull__1.
        operator, _, given = row.get("op", "exact").partition("__")
        if column:
            name = filter_name(column) if operator == "exact" else f"{column}__{operator}"
            kept.append((name, given or value))
    return kept


async def parse_condition(place: Place, pairs: Pairs) -> Condition:
    """Return the filters of a query string as the table's own page has them.

    Raises Problem 400 when they can't be used.
    """
    column_pairs = sorted(column_filters(pairs))
    filters = Filters(column_pairs)
    _check_columns(filters, place.source)
    try:
        clauses, values = filters.build_where_clauses(place.source.name)
        listed = [Filter(_in_words(pair), _all_but(pairs, pair)) for pair in column_pairs]
        searchable = False
        for arguments in await _of_plugins(place):
            clauses.extend(arguments.where_clauses)
            values.update(arguments.params)
            listed.extend(_described(arguments, pairs))
            searchable |= bool(arguments.extra_context.get("supports_search"))
    except (AttributeError, KeyError, TypeError, ValueError, sqlite3.ProgrammingError) as error:
        raise Problem(400, f"the value of a filter isn't valid JSON: {error}") from error
    except DatasetteError as error:
        # Datasette gives no status to a filter that can't be used, which makes it 500.
        raise Problem(400 if error.status == 500 else error.status, str(error.message)) from error
    # Each on lines of its own: a comment in one of them must end there.
    sql = " and ".join(f"(\n{clause}\n)" for clause in clauses)
    keys = await _matching_keys(place, sql, values) if sql else None
    return Condition(sql, values, listed, keys, searchable)


async def _of_plugins(place: Place) -> list[Any]:
    """Return the FilterArguments of Datasette's own filters and of other plugins."""
    hooks = pm.hook.filters_from_request(
        request=place.request,
        table=place.source.name,
        database=place.db.name,
        datasette=place.datasette,
    )
    arguments = [await await_me_maybe(hook) for hook in hooks]
    return [each for each in arguments if each]


def _check_columns(filters: Filters, source: Table) -> None:
    columns = {fold_name(name) for name in (*source.columns, "rowid")}
    operators = {key for key, _, _ in filters.lookups()}
    for column, operator, _ in filters.selections():
        # SQLite would take the name for a text, and find nothing without a word.
        if fold_name(column) not in columns:
            raise Problem(400, f"there is no column {column!r} in {source.name} to filter by")
        if operator not in operators:
            raise Problem(
                400, f"there is no filter {operator!r}, only {', '.join(sorted(operators))}"
            )


def _in_words(pair: tuple[str, str]) -> str:
    words: str = Filters([pair]).human_description_en()
    return words.removeprefix("where ")


def _all_but(pairs: Pairs, pair: tuple[str, str]) -> Pairs:
    return [other for other in pairs if other != pair]


def _described(arguments: Any, pairs: Pairs) -> list[Filter]:
    wheres = [where["text"] for where in arguments.extra_context.get("extra_wheres_for_ui", [])]
    listed = [Filter(text, _all_but(pairs, ("_where", text))) for text in wheres]
    # A plugin describes its conditions in words, without the parameters they came from; these
    # are the parameters of Datasette's own.
    others = [pair for pair in pairs if not pair[0].startswith(("_search", "_through"))]
    return listed + [Filter(text, others) for text in arguments.human_descriptions]


async def _matching_keys(place: Place, sql: str, values: dict[str, Any]) -> list[Key]:
    """Return the keys of the rows that meet the condition, which is run here and nowhere else.

    Searches have longer than Datasette allows SQL that people write, and a condition may be quick
    at one time and endless at another.
    """
    limit = place.datasette.setting("sql_time_limit_ms")

    def find(conn: sqlite3.Connection) -> list[Key]:
        with sqlite_timelimit(conn, limit):
            return live_keys(conn, place.source, sql, values)

    try:
        return await place.db.execute_fn(find)
    except (sqlite3.Error, OverflowError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_INTERRUPT:
            message = "the filters take too long: use fewer or simpler ones"
            raise Problem(400, message) from error
        if code not in (None, sqlite3.SQLITE_ERROR):
            raise
        raise Problem(400, f"the filters are not valid SQL: {error}") from error
