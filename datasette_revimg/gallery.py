"""What the page of similar pictures shows, as its template wants it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .cells import displayed
from .images import THUMBNAIL_SIDE
from .parameters import ROWS, Filter, Pairs, Parameters, address
from .settings import MAX_SIZE
from .similar import Answer, Row
from .tables import Key, Source

# What people call the column that names a row.
_NAMES = {"name", "title", "label", "caption"}

_THUMBNAIL = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)


@dataclass(frozen=True)
class Shown:
    """How rows are shown: their addresses, the column that names them, columns to add."""

    url: Callable[[Key, str], str]
    label_column: str | None
    columns: tuple[str, ...]


def context(
    found: Answer, asked: Parameters, filters: list[Filter], source: Source, shown: Shown
) -> dict[str, Any]:
    """The variables of ``revimg_similar.html``."""
    here = shown.url(found.row.key, "similar")
    label = _label_column([found.row, *found.rows], source, shown.label_column)
    more = min(2 * asked.size, MAX_SIZE)

    def card(row: Row, pairs: Pairs) -> dict[str, Any]:
        width, height = displayed(row.size, _THUMBNAIL) if row.size else (None, None)
        return {
            "label": _label(row, label),
            "score": row.score,
            "url": shown.url(row.key, ""),
            "similar_url": address(shown.url(row.key, "similar"), pairs),
            "thumbnail_url": shown.url(row.key, "thumbnail"),
            "width": width,
            "height": height,
            "details": [
                (name, row.columns[name]) for name in shown.columns if row.columns.get(name)
            ],
        }

    def examples(name: str, rows: list[Row], texts: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {
                **card(row, []),
                "remove_url": address(here, [p for p in asked.pairs if p != (name, text)]),
            }
            for row, text in zip(rows, texts, strict=True)
        ]

    conditions = [(each.text, address(here, each.without)) for each in filters]
    if asked.minimum is not None:
        conditions.append((f"cosine ≥ {asked.minimum:g}", address(here, asked.without("_min"))))
    return {
        "query": card(found.row, []),
        # From picture to picture among the same rows.
        "rows": [card(row, asked.without(*ROWS)) for row in found.rows],
        "like": examples("like", found.like, asked.like),
        "unlike": examples("unlike", found.unlike, asked.unlike),
        "candidates": found.candidates,
        "ms": found.ms,
        "frame": _frame([found.row, *found.rows]),
        "conditions": conditions,
        "clear_url": address(here, asked.only("_size", *ROWS)),
        "more": min(more, found.candidates) if found.candidates > len(found.rows) < more else None,
        "more_url": address(here, [*asked.without("_size"), ("_size", str(more))]),
        "alternate_url_json": address(here + ".json", asked.pairs),
    }


def _label_column(rows: list[Row], source: Source, given: str | None) -> str | None:
    """The column that names a row for a reader; None when that is its key.

    ``given`` is Datasette's choice, which may be the key itself. Without one: a column that is
    called a name, or else one of words that tells all these rows apart.
    """
    if given and given not in source.key_columns:
        return given
    named = next((name for name in source.columns if name.lower() in _NAMES), None)
    if named or any(isinstance(part, str) for part in rows[0].key):
        return named
    return next((name for name in source.columns if _tells_apart(rows, name)), None)


def _tells_apart(rows: list[Row], column: str) -> bool:
    values = [row.columns.get(column) for row in rows]
    words = [value for value in values if isinstance(value, str) and value.strip()]
    return len(set(words)) == len(rows)


def _label(row: Row, column: str | None) -> str:
    value = row.columns.get(column) if column else None
    return ", ".join(map(str, row.key)) if value in (None, "") else str(value)


def _frame(rows: list[Row]) -> str:
    """The shape of frame that wastes least space on most of the pictures."""
    ratios = [row.size[0] / row.size[1] for row in rows if row.size]
    ratio = statistics.median(ratios) if ratios else 1.0
    if ratio > 1.2:
        return "wide"
    return "tall" if ratio < 1 / 1.2 else "square"
