"""Decisions on duplicates: which row of a group to keep, and which is no duplicate."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from urllib.parse import parse_qsl

from datasette import Forbidden, Response

from ...errors import RevimgError, RowNotFoundError
from ...keys import Key, parse_row_path
from ...store import decisions, reading, tables
from ...store.decisions import DIFFERENT, SAME, Decision
from ...store.tables import Table
from .. import permissions
from ..problems import Problem
from ..requests.forms import OTHER_BYTES
from ..requests.parameters import address, parse_pairs
from ..requests.place import Place
from ..requests.responses import json_response, wants_json
from ..requests.uploads import check_site

# What the buttons of the page send; its value is the row's key, as in its address.
KEEP, NOT_A_DUPLICATE, UNDO = "keep", "different", "undo"

# The other rows of the group, one field for each.
ROW = "row"


async def record(place: Place) -> Response:
    """Record what a form has sent, and lead back to the page, or answer with JSON.

    Raises Forbidden for an actor who may not decide, and Problem: 403 for a form of another site
    or a database that can't be written to, 400 for a form that says nothing.
    """
    check_site(place.request, "a decision")
    name = place.source.name
    if not await permissions.may_decide(place.datasette, place.request.actor, place.db.name, name):
        raise Forbidden(f"You do not have permission to decide on duplicates in {name}")
    if not place.db.is_mutable:
        raise Problem(
            403, f"{place.db.name} is served as immutable, so no decision can be kept in it"
        )
    fields = await _fields(place)
    chosen = [(field, value) for field, value in fields if field in (KEEP, NOT_A_DUPLICATE, UNDO)]
    if len(chosen) != 1:
        raise Problem(400, f"send one of {KEEP}, {NOT_A_DUPLICATE} and {UNDO}, with a row's key")
    (action, path) = chosen[0]
    others = [value for field, value in fields if field == ROW and value != path]
    identity = (place.request.actor or {}).get("id")
    actor = None if identity is None else str(identity)

    def write(conn: sqlite3.Connection) -> int:
        return _write(conn, place.source, action, path, others, actor)

    decided = await place.db.execute_write_fn(write)
    if wants_json(place.request):
        return json_response(place.datasette, {**place.body, "decided_pairs": decided})
    pairs = parse_pairs(place.request)
    return Response.redirect(address(place.duplicates_url(), pairs), 303)


async def _fields(place: Place) -> list[tuple[str, str]]:
    """Return the fields of a form, urlencoded, as names and values."""
    kind = place.request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(400, "send a decision as application/x-www-form-urlencoded")
    body = b""
    more = True
    while more:
        message = await place.request.receive()
        if message["type"] != "http.request":
            raise Problem(400, "the decision didn’t arrive whole; send it again")
        body += message.get("body", b"")
        if len(body) > OTHER_BYTES:
            raise Problem(413, "the decision names too many rows")
        more = message.get("more_body", False)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True)
    except ValueError as error:
        raise Problem(400, "the form is not valid UTF-8") from error


def _write(
    conn: sqlite3.Connection,
    source: Table,
    action: str,
    path: str,
    others: Sequence[str],
    actor: str | None,
) -> int:
    """Record a decision on a row and the other ones of its group; return on how many pairs.

    RowNotFoundError when the row is gone, RevimgError when there is nothing to decide.
    """
    first = _hash(conn, source, tables.resolve_key(conn, source, parse_row_path(path)))
    if first is None:
        raise RowNotFoundError(f"row {path} of {source.name} has no picture any more")
    hashes = [content for content in (_hash_of(conn, source, other) for other in others) if content]
    if not hashes:
        raise RevimgError(f"the other rows of the group of {path} are gone: load the page again")
    if action == UNDO:
        group = sorted({first, *hashes})
        pairs = [(a, b) for place, a in enumerate(group) for b in group[place:]]
        decisions.withdraw(conn, source.name, pairs)
        return len(pairs)
    if action == KEEP:
        decided = [Decision(first, other, SAME, keep=first) for other in hashes]
    else:
        decided = [Decision(first, other, DIFFERENT) for other in hashes if other != first]
        if not decided:
            raise RevimgError(f"row {path} and the others have the same file, so they are the same")
    decisions.record(conn, source.name, decided, actor)
    return len(decided)


def _hash_of(conn: sqlite3.Connection, source: Table, path: str) -> bytes | None:
    try:
        return _hash(conn, source, tables.resolve_key(conn, source, parse_row_path(path)))
    except RowNotFoundError:
        # It is gone, and with it the question.
        return None


def _hash(conn: sqlite3.Connection, source: Table, key: Key) -> bytes | None:
    return reading.hashes(conn, source, [key]).get(key)
