"""What a request for similar pictures asks for, from its query string."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from datasette.database import QueryInterrupted
from datasette.filters import Filters
from datasette.plugins import pm
from datasette.utils import await_me_maybe
from datasette.utils.asgi import Request
from datasette.utils.sqlite import sqlite3

from ...pictures import region
from ...pictures.region import Crop
from ...store.sql import fold_name
from ...store.tables import Table, count_sql
from ...vectors.percentiles import Minimum, parse_minimum
from ..problems import Problem
from ..settings import MAX_SIZE

if TYPE_CHECKING:
    from datasette.app import Datasette

SHAPES = ("objects", "arrays", "array")

# Ours. A column of this name is filtered with like__exact=.
ROWS = ("like", "unlike")

Pairs = list[tuple[str, str]]

# What a query string may have. Every link of a page repeats all of it.
MAX_PAIRS = 100
MAX_EXAMPLES = 50

_FIELD = re.compile("_filter_(column|op|value)(_[0-9]+)?")


@dataclass(frozen=True)
class Filter:
    """A condition in words, and the query string without it."""

    text: str
    without: Pairs


@dataclass(frozen=True)
class Parameters:
    """A valid question. ``like`` and ``unlike`` are rows as their addresses name them."""

    pairs: Pairs
    size: int
    minimum: Minimum | None
    shape: str
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    crop: Crop | None = None

    def only(self, *names: str) -> Pairs:
        """The pairs of the query string with these names."""
        return [pair for pair in self.pairs if pair[0] in names]

    def without(self, *names: str) -> Pairs:
        """The pairs of the query string but those with these names."""
        return [pair for pair in self.pairs if pair[0] not in names]

    @property
    def filters(self) -> Pairs:
        """The pairs of the query string that filter columns."""
        # As on the table's own page: what starts with an underscore is no column, unless an
        # operator follows.
        return [
            (name, value)
            for name, value in self.without(*ROWS)
            if not name.startswith("_") or "__" in name
        ]


@dataclass(frozen=True)
class Condition:
    """Filters as SQL, with its parameters, and in words; whether there is a full-text index."""

    sql: str
    values: dict[str, Any]
    filters: list[Filter]
    searchable: bool = False


def pairs_of(request: Request) -> Pairs:
    """The query string's names and values. Problem 400 when there are too many."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    if len(pairs) > MAX_PAIRS:
        raise Problem(400, f"there are {len(pairs):,} parameters, at most {MAX_PAIRS} are possible")
    return pairs


def parse(request: Request, default_size: int) -> Parameters:
    """Read everything but the filters. Problem 400 for a value that can't be."""
    args = request.args
    pairs = pairs_of(request)
    examples = sum(name in ROWS for name, _ in pairs)
    if examples > MAX_EXAMPLES:
        raise Problem(
            400, f"like and unlike name {examples} rows, at most {MAX_EXAMPLES} are possible"
        )
    return Parameters(
        pairs,
        _size(args.get("_size"), default_size),
        _minimum(args.get("_min")),
        _shape(args.get("_shape", SHAPES[0])),
        tuple(args.getlist("like")),
        tuple(args.getlist("unlike")),
        region.parse(args.get("_crop")),
    )


def _size(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_SIZE):
        raise Problem(400, f"_size must be a whole number from 1 to {MAX_SIZE}, not {text!r}")
    return int(text)


def _minimum(text: str | None) -> Minimum | None:
    try:
        return None if text is None else parse_minimum(text)
    except ValueError:
        raise Problem(
            400,
            "_min must be a cosine, a number from -1 to 1, or a percentage like 99.9%, "
            f"not {text!r}",
        ) from None


def _shape(text: str) -> str:
    if text not in SHAPES:
        raise Problem(400, f"_shape must be one of {', '.join(SHAPES)}, not {text!r}")
    return text


def filter_name(column: str) -> str:
    """The parameter that filters rows by what they have in this column."""
    ours = column in ROWS or column.startswith("_") or "__" in column
    return f"{column}__exact" if ours else column


def sent_by_form(pairs: Pairs) -> bool:
    """Whether a form of filters, the table page's or ours, has sent these pairs."""
    return any(_FIELD.fullmatch(name) for name, _ in pairs)


def from_form(pairs: Pairs) -> Pairs:
    """What a form of filters has sent as the query string that says the same."""
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


def address(base: str, pairs: Pairs) -> str:
    """An address with a query string."""
    return base + "?" + urlencode(pairs) if pairs else base


async def condition(
    datasette: Datasette, request: Request, db: Any, source: Table, parameters: Parameters
) -> Condition:
    """The filters, as the table's own page has them. Problem when they can't be used."""
    pairs = parameters.filters
    filters = Filters(sorted(pairs))
    _check_columns(filters, source)
    try:
        clauses, values = filters.build_where_clauses(source.name)
        words = [
            Filter(_in_words(pair), _all_but(parameters.pairs, pair)) for pair in sorted(pairs)
        ]
        searchable = False
        for hook in pm.hook.filters_from_request(
            request=request, table=source.name, database=db.name, datasette=datasette
        ):
            arguments = await await_me_maybe(hook)
            if arguments:
                clauses.extend(arguments.where_clauses)
                values.update(arguments.params)
                words.extend(_described(arguments, parameters))
                searchable |= bool(arguments.extra_context.get("supports_search"))
    except (AttributeError, KeyError, TypeError, ValueError, sqlite3.ProgrammingError) as error:
        raise Problem(400, f"a filter's value isn't the JSON it should be: {error}") from error
    # Each on lines of its own: a comment in one of them must end there.
    sql = " and ".join(f"(\n{clause}\n)" for clause in clauses)
    if sql:
        await _try(db, source, sql, values)
    return Condition(sql, values, words, searchable)


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


def _described(arguments: Any, parameters: Parameters) -> list[Filter]:
    wheres = [where["text"] for where in arguments.extra_context.get("extra_wheres_for_ui", [])]
    words = [Filter(text, _all_but(parameters.pairs, ("_where", text))) for text in wheres]
    # A plugin tells its conditions in words, not which parameters they came from; these are
    # the parameters of Datasette's own.
    others = [pair for pair in parameters.pairs if not pair[0].startswith(("_search", "_through"))]
    return words + [Filter(text, others) for text in arguments.human_descriptions]


async def _try(db: Any, source: Table, sql: str, values: dict[str, Any]) -> None:
    """Run the condition alone, under Datasette's time limit, which the search itself hasn't."""
    try:
        await db.execute(count_sql(source, sql), values, log_sql_errors=False)
    except QueryInterrupted as error:
        raise Problem(400, "the filters take too long: use fewer or simpler ones") from error
    except (sqlite3.Error, OverflowError) as error:
        if getattr(error, "sqlite_errorcode", None) not in (None, sqlite3.SQLITE_ERROR):
            raise
        raise Problem(400, f"the filters are not valid SQL: {error}") from error
