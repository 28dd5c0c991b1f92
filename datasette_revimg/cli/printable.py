"""Text of others' making on a terminal: file names, values of columns, reasons, errors."""

from __future__ import annotations

import unicodedata

# Letters that turn the direction of what follows, so that a name reads as another one: Unicode
# Standard Annex 9, 2.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Control characters, halves of a pair, separators of lines and of paragraphs.
_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


def printable(value: object) -> str:
    """Return a value as one line of text that a terminal shows and doesn't obey.

    Control characters, line breaks among them, and those that turn the direction of text are
    written as Python escapes them.
    """
    text = str(value)
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    if letter in _TURNING or unicodedata.category(letter) in _CATEGORIES:
        return letter.encode("unicode_escape").decode("ascii")
    return letter
