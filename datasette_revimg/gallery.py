"""What the page of similar pictures shows, as its template wants it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .cells import displayed, row_path
from .images import THUMBNAIL_SIDE
from .parameters import ROWS, Filter, Pairs, Parameters, address
from .settings import MAX_SIZE
from .similar import Answer, Row
from .tables import Key, Source

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
    label = shown.label_column or _text_column(found.row, source)
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


def _text_column(row: Row, source: Source) -> str | None:
    """The first column of words: what a reader would name the row by."""
    return next(
        (
            name
            for name, value in row.columns.items()
            if name not in source.key_columns and isinstance(value, str) and value.strip()
        ),
        None,
    )


def _label(row: Row, column: str | None) -> str:
    value = row.columns.get(column) if column else None
    return row_path(row.key) if value in (None, "") else str(value)


def _frame(rows: list[Row]) -> str:
    """The shape of frame that wastes least space on most of the pictures."""
    ratios = [row.size[0] / row.size[1] for row in rows if row.size]
    ratio = statistics.median(ratios) if ratios else 1.0
    if ratio > 1.2:
        return "wide"
    return "tall" if ratio < 1 / 1.2 else "square"
