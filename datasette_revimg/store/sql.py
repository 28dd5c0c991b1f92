"""Pieces of SQL: names, placeholders and conditions."""

from __future__ import annotations

import string
from collections.abc import Iterable
from datetime import UTC, datetime

# The names of our own tables begin with this.
PREFIX = "_revimg_"

_CAPITALS = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold_name(identifier: str) -> str:
    """Return the form in which two names of the same table or column are equal.

    As SQLite compares them, which folds the letters of ASCII and no others: ``str.lower`` would
    take another table's name, or the sign for kelvin instead of a k, for the same.
    """
    return identifier.translate(_CAPITALS)


def quote(identifier: str) -> str:
    """Return an identifier as SQL, whatever it is called."""
    return '"' + identifier.replace('"', '""') + '"'


def quote_all(identifiers: Iterable[str]) -> str:
    """Return identifiers as SQL, separated by commas."""
    return ", ".join(map(quote, identifiers))


def placeholders(count: int) -> str:
    """Return placeholders for ``count`` parameters, separated by commas."""
    return ", ".join("?" * count)


def equalities(columns: Iterable[str]) -> str:
    """Return the condition that each of the columns equals a parameter."""
    return " and ".join(f"{quote(column)} = ?" for column in columns)


def all_present(columns: Iterable[str]) -> str:
    """Return the condition that none of the columns is NULL."""
    return " and ".join(f"{quote(column)} is not null" for column in columns)


def now() -> str:
    """Return the time as our tables have it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
