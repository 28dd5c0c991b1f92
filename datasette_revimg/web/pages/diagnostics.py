"""Diagnostics: which tables are embedded, how they are searched, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from datasette import Forbidden, Response
from datasette.utils.asgi import Request
from datasette.utils.sqlite import sqlite3

from ...search import cache
from ...store import code_tables, reading, registry
from ...vectors import codes
from .. import compat
from ..compat import Database, Datasette
from ..embedded import KnownTable
from ..problems import Problem
from ..requests.reading import read
from ..requests.responses import html_response, json_problem, json_response, wants_json
from ..work.state import state_of
from . import wording


@dataclass(frozen=True)
class Searches:
    """The latest searches of a table, newest first, in words."""

    latest: str
    sentences: list[str]


@dataclass(frozen=True)
class TableRow:
    """A table in words; ``codes_command`` would make its codes, if they are missing."""

    name: str
    url: str
    model: str
    updated: str
    vectors: str
    codes: list[str]
    codes_command: str | None
    memory: str
    searches: Searches | None


@dataclass(frozen=True)
class DiagnosticsPage:
    """The page of diagnostics; ``newer`` says which databases a later version has embedded."""

    template: ClassVar[str] = "revimg/diagnostics.html"

    memory: str
    newer: list[str]
    tables: list[TableRow]


async def diagnostics(request: Request, datasette: Datasette) -> Response:
    """Answer ``/-/revimg{.json}`` with the tables that the actor may view."""
    if not await compat.may_view_instance(datasette, request.actor):
        sentence = "You do not have permission to view this Datasette instance"
        if wants_json(request):
            return json_problem(datasette, Problem(403, sentence))
        raise Forbidden(sentence)
    tables = [
        await _described(datasette, db, table)
        for name, db in compat.databases(datasette).items()
        for table in (await state_of(datasette).registry(db)).tables.values()
        if (await compat.visibility(datasette, request.actor, name, table.source.name))[0]
    ]
    body = {
        "ok": True,
        "tables": tables,
        "newer": await _newer(datasette, request),
        "memory_bytes": sum(table["memory_bytes"] for table in tables),
        "memory_limit_bytes": cache.PROCESS.limit,
    }
    if wants_json(request):
        return json_response(datasette, body)
    used = wording.megabytes(sum(table["memory_bytes"] for table in tables))
    most = wording.megabytes(cache.PROCESS.limit)
    page = DiagnosticsPage(
        f"{used} of at most {most} in memory", body["newer"], [_row(table) for table in tables]
    )
    return await html_response(datasette, request, page)


async def _newer(datasette: Datasette, request: Request) -> list[str]:
    """Return a sentence about each database that a later version of this program has embedded.

    As nobody knows what is embedded there, it is for those who may view all of its tables.
    """
    return [
        known.newer
        for name, db in compat.databases(datasette).items()
        if (known := await state_of(datasette).registry(db)).newer
        and (await compat.visibility(datasette, request.actor, name, registry.REGISTRY))[0]
    ]


async def _described(datasette: Datasette, db: Database, table: KnownTable) -> dict[str, Any]:
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


def _row(table: dict[str, Any]) -> TableRow:
    """Return a table of the JSON as the page shows it."""
    missing = table["codes_needed"] and not table["codes"]
    return TableRow(
        name=f"{table['database']} / {table['table']}",
        url=table["url"],
        model=f"{table['model']}, {table['dimension']:,} floats",
        updated=f"updated {table['updated']}",
        vectors="can’t be read" if table["vectors"] is None else f"{table['vectors']:,}",
        codes=_codes_in_words(table["codes"], missing),
        codes_command="datasette revimg embed" if missing else None,
        memory=wording.megabytes(table["memory_bytes"]) if table["memory_bytes"] else "nothing yet",
        searches=_searches(table["searches"]),
    )


def _codes_in_words(codes: dict[str, Any] | None, missing: bool) -> list[str]:
    if codes is None:
        return ["none: run" if missing else "not needed"]
    residual = f"residual {codes['residual']}"
    if codes["residual_since"] is not None:
        residual += f", since then {codes['residual_since']}"
    entries = wording.count(codes["entries"], "entry", "entries")
    return [f"{codes['dimension']} floats, {entries}", residual]


def _searches(searches: list[dict[str, Any]]) -> Searches | None:
    if not searches:
        return None
    return Searches(
        f"{searches[0]['ms']:,.1f} ms",
        [
            f"{search['ms']:,.1f} ms: {search['way']}, "
            f"{wording.count(search['vectors_compared'], 'vector')} compared"
            for search in searches
        ],
    )
