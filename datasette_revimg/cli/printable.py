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


def printable_json(text: str) -> str:
    """Return a JSON text of the same meaning, in which such characters are written as JSON does.

    ``json.dumps`` does it for some of them. The line breaks between values stay.
    """
    return "".join(
        f"\\u{ord(letter):04x}" if letter != "\n" and _is_obeyed(letter) else letter
        for letter in text
    )


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii") if _is_obeyed(letter) else letter


def _is_obeyed(letter: str) -> bool:
    return letter in _TURNING or unicodedata.category(letter) in _CATEGORIES
