"""The output of ``datasette revimg duplicates``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..duplicates.against import Side
from ..duplicates.find import Found, Turned
from ..embedding.base import base_folder
from ..keys import Key, json_value, row_path
from ..store.duplicates import Member
from ..store.tables import Table
from ..vectors.calibration import RATES
from . import listing
from .formats import csv_text, json_text

_CSV_COLUMNS = ("group", "row", "best", "score", "tier", "reasons")


@dataclass(frozen=True)
class Printing:
    """How to print: the format, without the best rows or with them, or only a list.

    ``end`` is what each entry of a list ends with.
    """

    output: str
    keep_best: bool
    only_list: bool
    end: str


@dataclass(frozen=True)
class Outcome:
    """The result of a comparison: what goes to stdout and to stderr, and whether any was found."""

    printed: str
    summary: str
    found: bool


def outcome(
    found: Found,
    database: Path,
    here: Side,
    printing: Printing,
    minimum: float | None,
    tier: str | None,
    turned: Turned | None,
) -> Outcome:
    """Return what to print of the groups that were found."""
    if printing.only_list:
        keys = [member.key for member in _members(found, printing.keep_best)]
        printed = listed(keys, database, here, printing.end)
    else:
        printed = formatted(found, here.source, printing.output, printing.keep_best)
    return Outcome(
        printed, summary(found, here.source.name, minimum, tier, turned), bool(found.groups)
    )


def formatted(found: Found, source: Table, output: str, keep_best: bool) -> str:
    """Return the groups as ``output`` says: table, json or csv; without the best if they stay."""
    members = _members(found, keep_best)
    if output == "json":
        groups: dict[int, list[dict[str, Any]]] = {}
        for member in members:
            groups.setdefault(member.group, []).append(_printed(member, source))
        rows = [{"group": group, "rows": rows} for group, rows in groups.items()]
        return json_text(rows)
    if output == "csv":
        lines = [
            {"group": member.group, **_printed(member, source), "best": int(member.best)}
            for member in members
        ]
        return csv_text(lines, _CSV_COLUMNS)
    if not members:
        return "no duplicates\n"
    rows = [
        {
            "group": member.group,
            "row": ", ".join(map(str, member.key)),
            "score": "best" if member.best else f"{member.score:.4f}",
            "tier": "" if member.best else member.tier,
            "why": member.reasons,
        }
        for member in members
    ]
    printed, _ = listing.listing(rows, listing.terminal_width(), whole=2)
    return printed + "\n"


def listed(keys: Iterable[Key], database: Path, side: Side, end: str) -> str:
    """Return the paths of the rows' files, or where pictures are no files the keys, each ended."""
    base = base_folder(database, side.embedded) if side.embedded.kind == "path" else None
    names = (str(base / str(key[0])) if base and len(key) == 1 else row_path(key) for key in keys)
    return "".join(name + end for name in names)


def summary(
    found: Found, table: str, minimum: float | None, tier: str | None, turned: Turned | None
) -> str:
    """Return one sentence on what was found, and how sure it is."""
    rows = sum(map(len, found.groups))
    groups = f"{len(found.groups):,} group{'' if len(found.groups) == 1 else 's'}"
    said = f"{table}: {groups} of {rows:,} rows; {found.pictures:,} pictures"
    if minimum is None:
        return f"{said}, the same file only"
    said += f" ({found.new:,} new), score {minimum:.3f} or more"
    if turned:
        said += f", turned {turned.minimum:.3f} or more"
    if found.plain:
        said += f"; {found.plain:,} rows are blank or almost of one colour and were left out"
    if tier:
        said += f"; {tier}: at most 1 in {round(1 / RATES[tier]):,} pictures without a copy has any"
        if turned:
            said += ", and as many have a turned one"
    return said


def _members(found: Found, keep_best: bool) -> list[Member]:
    return [member for group in found.groups for member in group if not (keep_best and member.best)]


def _printed(member: Member, source: Table) -> dict[str, Any]:
    key = dict(zip(source.key_columns, map(json_value, member.key), strict=True))
    return {
        "row": row_path(member.key),
        "best": member.best,
        "score": round(member.score, 6),
        "tier": member.tier,
        "reasons": member.reasons,
        "key": list(key.values()),
    }
