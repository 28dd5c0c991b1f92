"""A row's key: in an address, in JSON, and as a user types it."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

# The values of the columns that identify a row, in the key's order.
Key = tuple[Any, ...]

_SAFE = frozenset((string.ascii_letters + string.digits + "_-").encode())


def row_path(key: Key) -> str:
    """Write a key as in the row's Datasette URL: tilde-encoded parts, joined by commas."""
    return ",".join(_tilde_encode(str(part)) for part in key)


def parse_row_path(path: str) -> tuple[str, ...]:
    """Read what ``row_path`` writes; all parts come back as text."""
    return tuple(_tilde_decode(part) for part in path.split(","))


def typed_keys(text: str, width: int) -> Iterator[tuple[str, ...]]:
    """Yield the keys of ``width`` parts a user may mean: the text itself, then a URL's key."""
    if width == 1:
        yield (text,)
    key = parse_row_path(text)
    if len(key) == width:
        yield key


def key_json(key: Iterable[Any]) -> str:
    """Write a key as a JSON array, BLOBs as hexadecimal text."""
    return json.dumps([json_value(part) for part in key], ensure_ascii=False)


def json_value(part: Any) -> Any:
    """Return one part of a key as JSON has it: a BLOB as hexadecimal text."""
    return part.hex() if isinstance(part, bytes) else part


# Datasette's own encoding (https://docs.datasette.io/en/stable/internals.html#tilde-encoding),
# written here because the command line works without Datasette.
def _tilde_encode(text: str) -> str:
    return "".join(map(_encoded_byte, text.encode()))


def _encoded_byte(byte: int) -> str:
    if byte in _SAFE:
        return chr(byte)
    return "+" if byte == ord(" ") else f"~{byte:02X}"


def _tilde_decode(text: str) -> str:
    # A % is no escape here, so it must not be taken for one.
    return unquote_plus(text.replace("%", "%25").replace("~", "%"))
