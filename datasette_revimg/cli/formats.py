"""Results as JSON and as CSV, which a terminal shows and doesn't obey."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .printable import printable, printable_json


def json_text(value: object) -> str:
    """Return a value as JSON that a person can read, with the end of its last line."""
    return printable_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def csv_text(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Return the values of these names as CSV, after a line of the names.

    For a terminal, text is as ``printable`` makes it; a file or another program gets what is
    stored.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_shown, rows) if sys.stdout.isatty() else rows)
    return buffer.getvalue()


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: printable(value) if isinstance(value, str | bytes) else value
        for name, value in row.items()
    }
