"""``/-/revimg{.json}``: what is embedded, how it is searched, what that costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from datasette import Forbidden, Response
from datasette.utils.asgi import Request
from datasette.utils.sqlite import sqlite3

from ...search import cache
from ...store import code_tables, reading
from ...vectors import codes
from .. import compat
from ..embedded import KnownTable
from ..problems import Problem
from ..requests.reading import read
from ..requests.responses import html_response, json_problem, json_response, wants_json
from ..work.state import state_of

if TYPE_CHECKING:
    from datasette.app import Datasette


async def diagnostics(request: Request, datasette: Datasette) -> Response:
    """Of the tables that the actor may view, and no others."""
    if not await compat.may_view_instance(datasette, request.actor):
        if wants_json(request):
            return json_problem(datasette, Problem(403, "you may not view this Datasette"))
        raise Forbidden("view-instance")
    found = [
        await _described(datasette, db, table)
        for name, db in compat.databases(datasette).items()
        for table in (await state_of(datasette).registry(db)).tables.values()
        if (await compat.visibility(datasette, request.actor, name, table.source.name))[0]
    ]
    body = {
        "ok": True,
        "tables": found,
        "memory_bytes": sum(table["memory_bytes"] for table in found),
        "memory_limit_bytes": cache.PROCESS.limit,
    }
    if wants_json(request):
        return json_response(datasette, body)
    return await html_response(datasette, request, "revimg/diagnostics.html", body)


async def _described(datasette: Datasette, db: Any, table: KnownTable) -> dict[str, Any]:
    name = table.source.name

    def count(conn: sqlite3.Connection) -> tuple[code_tables.CodesState | None, int]:
        known = code_tables.read_state(conn, name)
        return known, known.vectors if known else reading.count_vectors(conn, table.source)

    try:
        known, vectors = await read(db, count)
    except sqlite3.Error:
        # A database that is locked or damaged says so on its own pages.
        known, vectors = None, None
    slot = state_of(datasette).database(db).search.slot(name)
    times = list(slot.times)
    return {
        "database": db.name,
        "table": name,
        "url": datasette.urls.table(db.name, name),
        "model": table.embedded.model,
        "dimension": table.embedded.dimension,
        "updated": table.embedded.updated,
        "vectors": vectors,
        "codes": _codes(known) if known and known.generation else None,
        "codes_needed": (vectors or 0) * 4 * table.embedded.dimension > codes.WHOLE_BYTES,
        "memory_bytes": slot.bytes,
        "searches": [
            {
                "at": datetime.fromtimestamp(timed.at, UTC).isoformat(timespec="seconds"),
                "ms": round(timed.ms, 3),
                "way": timed.way,
                "vectors_compared": timed.compared,
            }
            for timed in reversed(times)
        ],
    }


def _codes(known: code_tables.CodesState) -> dict[str, Any]:
    return {
        "dimension": known.width,
        "entries": known.coded,
        "fitted_to": known.fitted,
        # Of a vector's squared length, what the codes don't see.
        "residual": round(known.residual, 4),
        "residual_since": round(known.added_residual / known.added, 4) if known.added else None,
    }
