"""Facets: how often each value of a column occurs among the rows that are searched."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..keys import Key
from . import own_tables
from .sql import quote, quote_all
from .tables import Table, key_subquery

# The first rows and columns, which are looked at to find columns worth faceting by.
_CONSIDERED = 1000
_COLUMNS = 20

# A list of more values, or of longer ones, is no help beside a page of pictures.
_MOST_VALUES = 12
_LONGEST = 40

# A date with a time of day, ISO 8601.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


@dataclass(frozen=True)
class Rows:
    """The rows to count.

    They have a vector, meet the condition ``where`` with its named ``values`` and are not
    ``excluded``; or, where they are known, they are those with these ``keys``.
    """

    where: str
    values: Mapping[str, Any]
    excluded: Collection[Key]
    keys: Sequence[Key] | None = None

    def sql(self, source: Table) -> tuple[str, dict[str, Any]]:
        """Return the SQL that follows ``where``, with its parameters."""
        names = quote_all(source.key_columns)
        values = dict(self.values)

        def listed(keys: Collection[Key]) -> str:
            rows = []
            for key in keys:
                parameters = [f"revimg_{len(values) + place}" for place in range(len(key))]
                values.update(zip(parameters, key, strict=True))
                rows.append(f"({', '.join(f':{name}' for name in parameters)})")
            return f"(values {', '.join(rows)})" if rows else key_subquery(source, "0")

        if self.keys is not None:
            # They meet the condition.
            values.clear()
            return f"({names}) in {listed(self.keys)}", values
        stored = quote_all(source.stored_columns)
        parts = [
            f"({names}) in (select {stored} from {quote(own_tables.vectors_table(source.name))})"
        ]
        if self.excluded:
            parts.append(f"({names}) not in {listed(self.excluded)}")
        if self.where:
            parts.append(f"({self.where}\n)")
        return " and ".join(parts), values


@dataclass(frozen=True)
class Facet:
    """A column's commonest values, each with its number of rows.

    ``truncated`` says that there are more values.
    """

    column: str
    counts: list[tuple[Any, int]]
    truncated: bool


def count(conn: sqlite3.Connection, source: Table, column: str, rows: Rows, most: int) -> Facet:
    """Count the rows by their values in a column, without NULLs and BLOBs.

    Returns the ``most`` commonest values.
    """
    condition, values = rows.sql(source)
    name = quote(column)
    cursor = conn.execute(
        f"select {name}, count(*) from {quote(source.name)} "
        f"where {name} is not null and typeof({name}) != 'blob' and {condition} "
        f"group by {name} order by count(*) desc, {name} limit {most + 1}",
        values,
    )
    cursor.row_factory = None
    counts = cursor.fetchall()
    return Facet(column, counts[:most], len(counts) > most)


def suggested(conn: sqlite3.Connection, source: Table, rows: Rows) -> list[str]:
    """Return the columns of few short texts or integers, judged by the first rows.

    They come in the order that they have in the table.
    """
    names = [name for name in source.columns if name not in source.key_columns][:_COLUMNS]
    if not names:
        return []
    condition, values = rows.sql(source)
    light = ", ".join(
        f"iif(typeof({name}) in ('integer', 'null') or "
        f"typeof({name}) = 'text' and length({name}) <= {_LONGEST}, {name}, x'')"
        for name in map(quote, names)
    )
    cursor = conn.execute(
        f"select {light} from {quote(source.name)} where {condition} limit {_CONSIDERED}", values
    )
    cursor.row_factory = None
    columns = zip(*cursor.fetchall(), strict=True)
    return [
        name
        for name, column in zip(names, columns, strict=False)
        if _groups([value for value in column if value is not None])
    ]


def _groups(values: list[Any]) -> bool:
    kinds = set(values)
    # Moments that are the same only by chance, as when two pictures were taken in one second.
    if any(isinstance(value, str) and _MOMENT.match(value) for value in kinds):
        return False
    return b"" not in kinds and 1 < len(kinds) <= min(_MOST_VALUES, len(values) - 1)
