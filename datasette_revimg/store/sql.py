"""Pieces of SQL: names, placeholders, and the condition that one row meets."""

from __future__ import annotations

import string

# Of the names of our own tables.
PREFIX = "_revimg_"

_CAPITALS = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold_name(identifier: str) -> str:
    """The form in which two names of the same table or column are equal.

    As SQLite compares them, which folds the letters of ASCII and no others: ``str.lower`` would
    take another table's name, or the sign for kelvin instead of a k, for the same.
    """
    return identifier.translate(_CAPITALS)


def quote(identifier: str) -> str:
    """The identifier as SQL, whatever it is called."""
    return '"' + identifier.replace('"', '""') + '"'


def placeholders(count: int) -> str:
    """Placeholders for so many parameters."""
    return ", ".join("?" * count)
