"""Rows as a table of text, no wider than the terminal."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Sequence
from typing import Any

from .printable import printable

# Where nobody says how wide the output may be, as in a pipe.
WIDTH = 100

# A column is cut to this, but no further; rather, the last columns are left out.
_NARROWEST = 8

_GAP = "  "


def terminal_width() -> int:
    """Return how many columns the terminal has, WIDTH without one."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def listing(rows: Sequence[dict[str, Any]], width: int, whole: int = 0) -> tuple[str, list[str]]:
    """Return rows as a table at most ``width`` columns wide, and the names that it leaves out.

    A row may lack some of the names. Long values are cut, which "…" shows, those of the first
    ``whole`` columns only if nothing else helps. What still doesn't fit is left out, the last
    columns first. Numbers are aligned at their ends; a floating-point number has four decimals.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [[text(name), *(text(row.get(name)) for row in rows)] for name in names]
    left = [max(map(_width, column)) for column in columns]
    shown = _number_that_fit(left, width, whole)
    widths = _narrowed(left[:shown], width, whole)
    numeric = [
        all(isinstance(row.get(name), int | float | None) for row in rows) for name in names[:shown]
    ]
    lines = [
        _GAP.join(
            _padded(_cut(column[line], size), size, right)
            for column, size, right in zip(columns, widths, numeric, strict=False)
        ).rstrip()
        for line in range(len(rows) + 1)
    ]
    lines.insert(1, _GAP.join("-" * size for size in widths))
    return "\n".join(lines), names[shown:]


def text(value: Any) -> str:
    """Return a value on one line, without characters that a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return printable(" ".join(str(value).split()))


def _width(value: str) -> int:
    """Return how many columns of a terminal a text takes: some scripts' characters take two."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in value
    )


def _number_that_fit(widths: list[int], width: int, whole: int) -> int:
    """Return how many columns there is room for, the others but the first ``whole`` narrowed."""
    least = [size if place < whole else min(size, _NARROWEST) for place, size in enumerate(widths)]
    shown = len(least)
    while shown > max(1, whole) and _total(least[:shown]) > width:
        shown -= 1
    return shown


def _narrowed(widths: list[int], width: int, whole: int) -> list[int]:
    """Return the widths with the widest made narrower until all of them fit."""
    widths = list(widths)
    first = whole if len(widths) > whole else 0
    while _total(widths) > width:
        widest = max(range(first, len(widths)), key=widths.__getitem__)
        if widths[widest] <= min(_NARROWEST, width):
            if first == 0:
                break
            first = 0
            continue
        widths[widest] -= 1
    return widths


def _total(widths: list[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _cut(value: str, width: int) -> str:
    if _width(value) <= width:
        return value
    while _width(value) > width - 1:
        value = value[:-1]
    return f"{value}…"


def _padded(value: str, width: int, right: bool) -> str:
    space = " " * (width - _width(value))
    return space + value if right else value + space
