"""The groups of duplicates of a table, as a page, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import sqlite3
from dataclasses import dataclass
from typing import Any

from datasette import Response

from ...duplicates.review import Reviewed, review
from ...errors import RevimgError, RowNotFoundError
from ...keys import Key, parse_row_path
from ...search.rows import Row, read_rows
from ...store import decisions, duplicates, tables
from ...store.picture_facts import PictureFacts, read_facts
from ...vectors.calibration import TIERS
from ..compat import Datasette
from ..problems import Problem
from ..requests.filters import Condition, parse_condition
from ..requests.parameters import Pairs, parse_pairs, parse_size, whole_number
from ..requests.place import Place
from ..requests.reading import read
from ..requests.responses import html_response, json_response, wants_json
from ..requests.view import view
from ..rows import duplicates_url
from ..work.state import state_of
from . import decide, duplicates_page

# Groups on a page.
SIZE, MOST = 20, 200

# Tiers as an address has them.
TIER_NAMES = {tier.replace(" ", "-"): tier for tier in TIERS}


@dataclass(frozen=True)
class Selection:
    """Which groups a request asks for.

    ``row``, a key as in its address, asks for the group of that row alone, None for all. ``tier``
    is the least sure one that counts, None for all; ``decided`` asks for the groups of which
    somebody has said what to keep, instead of those that are left.
    """

    row: str | None
    tier: str | None
    decided: bool
    size: int
    offset: int
    condition: Condition
    pairs: Pairs


@dataclass(frozen=True)
class Shown:
    """The groups of a page, with their rows and what is known of the pictures.

    ``total`` is how many groups there are to show, ``decided`` how many are decided, and
    ``rows`` how many rows the groups have; ``found`` is false before duplicates were looked for.
    """

    groups: list[Reviewed]
    rows: dict[Any, Row]
    facts: dict[Any, PictureFacts]
    total: int
    decided: int
    row_count: int
    found: bool


async def action(datasette: Datasette, database: str, table: str) -> list[dict[str, str]]:
    """Return the item of the table's menu."""
    known = (await state_of(datasette).registry(datasette.get_database(database))).table(table)
    if known is None:
        return []
    name = known.source.name
    return [
        {
            "href": duplicates_url(datasette, database, name),
            "label": "Duplicates",
            "description": f"Rows of {name} with the same picture, or an edited copy of it.",
        }
    ]


@view("GET", "HEAD", "POST")
async def page(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/duplicates{.json}`` with groups, or record a decision."""
    if place.request.method == "POST":
        return await decide.record(place)
    selection = await _selection(place)
    shown = await read(place.db, lambda conn: _shown(conn, place, selection))
    if wants_json(place.request):
        return json_response(place.datasette, _json(place, selection, shown))
    context = await duplicates_page.make_page(place, selection, shown)
    return await html_response(place.datasette, place.request, context)


@view()
async def table(place: Place) -> Response:
    """Answer ``/{database}/{table}/-/duplicates.csv`` with all rows of all groups."""
    selection = await _selection(place)
    groups = await read(place.db, lambda conn: _groups(conn, place, selection))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["group", *place.source.key_columns, "best", "score", "tier", "reasons"])
    for group in groups:
        for member in group.members:
            score = f"{member.score:.6f}"
            writer.writerow(
                [group.number, *member.key, int(member.best), score, member.tier, member.reasons]
            )
    headers = {
        "Content-Disposition": 'attachment; filename="duplicates.csv"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(buffer.getvalue(), 200, headers, "text/csv; charset=utf-8")


async def _selection(place: Place) -> Selection:
    """Return what the query string asks for. Raises Problem 400 for an impossible value."""
    args, pairs = place.request.args, parse_pairs(place.request)
    tier = args.get("_tier")
    if tier is not None and tier not in TIER_NAMES:
        raise Problem(400, f"_tier must be one of {', '.join(TIER_NAMES)}, not {tier!r}")
    offset = whole_number(args.get("_offset", "0"))
    if offset is None:
        raise Problem(400, f"_offset must be a whole number, not {args['_offset']!r}")
    return Selection(
        row=args.get("_row") or None,
        tier=TIER_NAMES[tier] if tier else None,
        decided=args.get("_decided") == "1",
        size=parse_size(place.request, SIZE, MOST),
        offset=offset,
        condition=await parse_condition(place, pairs),
        pairs=pairs,
    )


def _reviewed(conn: sqlite3.Connection, place: Place, selection: Selection) -> list[Reviewed]:
    """Return all groups of the rows that meet the condition, decided or not.

    RevimgError for a row that doesn't exist.
    """
    row = None if selection.row is None else _key(conn, place, selection.row)
    keys = selection.condition.keys
    allowed = None if keys is None else set(keys)
    strict = TIERS[: TIERS.index(selection.tier) + 1] if selection.tier else None
    groups = [
        [
            member
            for member in group
            if (allowed is None or member.key in allowed)
            and (strict is None or member.best or member.tier in strict)
        ]
        for group in duplicates.read(conn, place.source, row)
    ]
    decided = decisions.by_pair(conn, place.source.name)
    reviewed = review([group for group in groups if len(group) > 1], decided)
    if row is None:
        return reviewed
    return [group for group in reviewed if any(member.key == row for member in group.members)]


def _key(conn: sqlite3.Connection, place: Place, path: str) -> Key:
    try:
        return tables.resolve_key(conn, place.source, parse_row_path(path))
    except RowNotFoundError as error:
        # The address is about the table, which is there.
        raise RevimgError(f"_row: {error}") from error


def _chosen(groups: list[Reviewed], selection: Selection) -> list[Reviewed]:
    """Return the groups that are to be shown; that of a certain row is, decided or not."""
    if selection.row is not None:
        return groups
    return [group for group in groups if group.decided == selection.decided]


def _groups(conn: sqlite3.Connection, place: Place, selection: Selection) -> list[Reviewed]:
    return _chosen(_reviewed(conn, place, selection), selection)


def _shown(conn: sqlite3.Connection, place: Place, selection: Selection) -> Shown:
    every = _reviewed(conn, place, selection)
    groups = _chosen(every, selection)
    here = groups[selection.offset : selection.offset + selection.size]
    keys = [member.key for group in here for member in group.members]
    return Shown(
        groups=here,
        rows={row.key: row for row in read_rows(conn, place.source, keys)},
        facts=read_facts(conn, place.source, place.embedded, keys),
        total=len(groups),
        decided=sum(group.decided for group in every),
        row_count=sum(len(group.members) for group in groups),
        found=duplicates.were_found(conn, place.source.name),
    )


def _json(place: Place, selection: Selection, shown: Shown) -> dict[str, Any]:
    return {
        **place.body,
        "groups": [
            {
                "group": group.number,
                "decided": group.decided,
                "rows": [
                    {
                        "best": member.best,
                        "score": member.score,
                        "tier": member.tier,
                        "reasons": member.reasons,
                        **place.described(shown.rows[member.key]),
                    }
                    for member in group.members
                ],
            }
            for group in shown.groups
        ],
        "groups_count": shown.total,
        "rows_count": shown.row_count,
        "decided_groups_count": shown.decided,
        "next_url": duplicates_page.next_url(place, selection, shown, ".json"),
    }
