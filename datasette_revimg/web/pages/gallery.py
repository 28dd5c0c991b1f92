"""What the page of similar pictures shows, as its template wants it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...keys import Key, row_path
from ...pictures.decoding import THUMBNAIL_SIDE
from ...search.rows import Row
from ...search.similar import Answer
from ...store.tables import Table
from ...vectors.percentiles import in_words
from ..requests.filters import Filter
from ..requests.parameters import ROWS, Pairs, Parameters, address
from ..rows import displayed, label_column, label_of
from ..settings import MAX_SIZE

_THUMBNAIL = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)


@dataclass(frozen=True)
class Shown:
    """How rows are shown: their addresses, the column that names them, columns to add."""

    url: Callable[[Key, str], str]
    label_column: str | None
    columns: tuple[str, ...]
    # The page itself, where it is about no row.
    here: str = ""


def context(
    found: Answer, parameters: Parameters, filters: list[Filter], source: Table, shown: Shown
) -> dict[str, Any]:
    """The variables of ``revimg/similar.html``."""
    here = shown.url(found.row.key, "similar") if found.row else shown.here
    known = [found.row, *found.rows] if found.row else found.rows
    label = label_column(known, source, shown.label_column)
    more = min(2 * parameters.size, MAX_SIZE)

    def card(row: Row, pairs: Pairs) -> dict[str, Any]:
        width, height = displayed(row.size, _THUMBNAIL) if row.size else (None, None)
        return {
            "label": label_of(row, label),
            "score": row.score,
            "percentile": _percentile(found, row),
            "url": shown.url(row.key, ""),
            "similar_url": address(shown.url(row.key, "similar"), pairs),
            "like_url": address(here, [*parameters.pairs, ("like", row_path(row.key))]),
            "unlike_url": address(here, [*parameters.pairs, ("unlike", row_path(row.key))]),
            "thumbnail_url": shown.url(row.key, "thumbnail"),
            "width": width,
            "height": height,
            "details": [
                (name, row.columns[name]) for name in shown.columns if row.columns.get(name)
            ],
        }

    def compare_url(row: Row) -> str | None:
        # A picture that is in no row has nothing to be compared as.
        if found.row is None:
            return None
        base = shown.url(found.row.key, "compare")
        return address(base, [("with", row_path(row.key))])

    def but(name: str, text: str, *names: str) -> Pairs:
        return [pair for pair in parameters.without(*names) if pair != (name, text)]

    def examples(name: str, rows: list[Row], texts: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {**card(row, []), "part": name, "remove_url": address(here, but(name, text))}
            for row, text in zip(rows, texts, strict=True)
        ]

    # Without the picture itself, the first like it takes its place.
    without_query = (
        address(
            shown.url(found.like[0].key, "similar"),
            but("like", parameters.like[0], "_crop", "_shape"),
        )
        if found.like
        else None
    )

    return {
        "query": card(found.row, []) if found.row else None,
        # From picture to picture among the same rows.
        "rows": [
            {**card(row, parameters.without(*ROWS, "_crop")), "compare_url": compare_url(row)}
            for row in found.rows
        ],
        "parts": [
            *examples("like", found.like, parameters.like),
            *examples("unlike", found.unlike, parameters.unlike),
        ],
        "without_query_url": without_query,
        "candidates": found.candidates,
        "counted_all": found.counted_all,
        "ms": found.ms,
        "frame": _frame(known),
        "conditions": conditions(parameters, filters, here),
        "clear_url": address(here, parameters.only("_size", "_crop", *ROWS)),
        "more": min(more, found.candidates) if found.candidates > len(found.rows) < more else None,
        "more_url": address(here, [*parameters.without("_size"), ("_size", str(more))]),
        "crop": parameters.crop,
        "whole_url": address(here, parameters.without("_crop")),
        "alternate_url_json": address(here + ".json", parameters.pairs) if found.row else None,
    }


def conditions(parameters: Parameters, filters: list[Filter], here: str) -> list[tuple[str, str]]:
    """What the rows must meet, in words, each with the address of the page without it."""
    found = [(each.text, address(here, each.without)) for each in filters]
    if parameters.minimum is not None:
        found.append((parameters.minimum.in_words, address(here, parameters.without("_min"))))
    return found


def _percentile(found: Answer, row: Row) -> str | None:
    percentile = found.percentile(row)
    return None if percentile is None else in_words(percentile)


def _frame(rows: list[Row]) -> str:
    """The shape of frame that wastes least space on most of the pictures."""
    ratios = [row.size[0] / row.size[1] for row in rows if row.size]
    ratio = statistics.median(ratios) if ratios else 1.0
    if ratio > 1.2:
        return "wide"
    return "tall" if ratio < 1 / 1.2 else "square"
