"""The form of filters beside the similar pictures, with the fields of Datasette's table page."""

from __future__ import annotations

from dataclasses import dataclass

from datasette.filters import Filters

from ..requests.filters import Condition, column_filters
from ..requests.parameters import Pairs, Parameters
from ..requests.place import Place


@dataclass(frozen=True)
class Operator:
    """A way to compare; a ``value`` that ends in ``__1`` needs no other."""

    value: str
    key: str
    words: str


@dataclass(frozen=True)
class FilterRow:
    """One filter; the fields' names end in ``suffix``, ``blank`` is the choice of no column."""

    suffix: str
    blank: str
    column: str
    operator: str
    value: str


@dataclass(frozen=True)
class FilterForm:
    """The form: ``search`` is the text searched for, None without a full-text index."""

    hidden: Pairs
    columns: tuple[str, ...]
    operators: list[Operator]
    search: str | None
    rows: list[FilterRow]


def filter_form(place: Place, parameters: Parameters, condition: Condition) -> FilterForm:
    """Return the form with the request's filters, and an empty one to add."""
    filters = column_filters(parameters.pairs)
    rows = [
        FilterRow(f"_{number}", "remove this filter", column, operator, value)
        for number, (column, operator, value) in enumerate(Filters(filters).selections(), 1)
    ]
    search = place.request.args.get("_search", "") if condition.searchable else None
    return FilterForm(
        hidden=[
            pair
            for pair in parameters.pairs
            if pair not in filters and not (condition.searchable and pair[0] == "_search")
        ],
        columns=tuple(place.source.columns),
        operators=[
            Operator(f"{key}__1" if no_value else key, key, words)
            for key, words, no_value in Filters([]).lookups()
        ],
        search=search,
        rows=[*rows, FilterRow("", "column", "", "exact", "")],
    )
