"""The JSON file beside a model of the user's own, read a key at a time.

``model.json`` says of ``model.onnx``: ``input`` and ``output`` (their names), ``size`` (pixels: a
side, or [height, width]), ``colour`` ("RGB" or "BGR"), ``mean`` and ``std`` (three numbers in the
order of ``colour``, for pixels from 0 to 1; left out when the input is uint8), ``dimension``, and
if wanted ``name`` and ``licence``. Layout, type and batch are read from the model itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import RevimgError

REQUIRED = ("input", "size", "colour", "output", "dimension")
SCALING = ("mean", "std")
OPTIONAL = ("licence", "name")

# From thumbnails too small for any network to pictures of 12 MB each, of which a run holds dozens.
SIDES = (8, 2048)
MAX_DIMENSION = 65_536


class Description:
    """The keys and values of the JSON; every error names the file and the key."""

    def __init__(self, file: Path) -> None:
        self.file, self.values = file, json_object(file)
        keys = (*REQUIRED, *SCALING, *OPTIONAL)
        for key in self.values:
            if key not in keys:
                raise RevimgError(f"{file}: the key {key!r} is unknown; there is {', '.join(keys)}")
        for key in REQUIRED:
            self.required(key)

    def required(self, key: str) -> Any:
        """Return a key's value, RevimgError without it."""
        if key not in self.values:
            raise RevimgError(f"{self.file}: the key {key!r} is missing")
        return self.values[key]

    def wrong(self, key: str, why: str) -> RevimgError:
        """Return the error that says what is wrong with a key."""
        return RevimgError(f"{self.file}: {key!r} {why}")

    def must(self, key: str, what: str) -> RevimgError:
        """Return the error that says what a key's value must be, and what it is."""
        return self.wrong(key, f"must be {what}, not {json.dumps(self.values[key])}")

    def text(self, key: str) -> str:
        """Return a value that must be a line of text."""
        value = self.required(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.must(key, "a text of one line")
        return value

    def size(self) -> tuple[int, int]:
        """Return (height, width) in pixels."""
        low, high = SIDES
        value = self.required("size")
        sides = value if isinstance(value, list) else [value, value]
        if len(sides) != 2 or not all(_is_whole(side, low, high) for side in sides):
            raise self.must("size", f"a side or [height, width], in pixels from {low} to {high}")
        return sides[0], sides[1]

    def colour(self) -> str:
        """Return the order of the channels, RGB or BGR."""
        if self.required("colour") not in ("RGB", "BGR"):
            raise self.must("colour", '"RGB" or "BGR"')
        return str(self.values["colour"])

    def dimension(self) -> int:
        """Return how many numbers a vector has."""
        if not _is_whole(self.required("dimension"), 1, MAX_DIMENSION):
            raise self.must("dimension", f"a whole number from 1 to {MAX_DIMENSION}")
        return int(self.values["dimension"])

    def scaling(self, key: str) -> tuple[float, ...]:
        """Return ``mean`` or ``std``; errors name the range, as 0..255 is the usual mistake."""
        value = self.required(key)
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(_is_fraction(number) for number in value)
            or (key == "std" and not all(value))
        ):
            least = "above 0 and at most" if key == "std" else "from 0 to"
            raise self.must(key, f"three numbers {least} 1, for pixels from 0 to 1")
        return tuple(float(number) for number in value)


def json_object(file: Path) -> dict[str, Any]:
    """Read a description's keys, unchecked; RevimgError when it isn't a JSON object."""
    keys = ", ".join((*REQUIRED, *SCALING))
    try:
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise RevimgError(
            f"{file} is missing: it describes a model of your own, with the keys {keys}"
        ) from error
    except OSError as error:
        raise RevimgError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RevimgError(f"{file} isn't valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise RevimgError(f"{file} must be a JSON object, with the keys {keys}")
    return values


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_fraction(value: object) -> bool:
    # NaN, which Python's JSON knows, is in no range.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
