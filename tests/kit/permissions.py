"""Who may see what: two people's tables, configurations that divide them, and every address."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasette.utils import tilde_encode

from datasette_revimg.store import duplicates_view, own_tables, tables
from datasette_revimg.store.schema import is_own
from datasette_revimg.store.sql import quote_all
from datasette_revimg.store.writing import Failure
from kit.asking import IS_1
from kit.geometry import embed, png

# Ann's table and Bob's. Bob's refers to Ann's.
SOURCES = ("diary", "herbs")

ROWS = (1, 2, 3)
DAMAGED = 4

ANN, BOB = {"id": "ann"}, {"id": "bob"}

ACTORS = (None, "ann", "bob", "root")

# Carl may write to Ann's table and Dora to Bob's, where a configuration says so.
WRITERS = ("carl", "dora")

EVERYBODY = "anybody ann bob root"


@dataclass(frozen=True)
class Scenario:
    """A configuration, and the actors who may see each of the two tables under it.

    ``opened``: the actors to whom the configuration gives tables that it doesn't name, such as the
    computed ones. ``arguments`` are Datasette's own. ``on`` are the versions
    that know the configuration.
    """

    config: dict[str, Any]
    diary: str
    herbs: str
    opened: str = EVERYBODY
    actors: tuple[str | None, ...] = ACTORS
    arguments: dict[str, Any] = field(default_factory=dict)
    on: tuple[str, ...] = ("0", "1")

    def sees(self, actor: str | None, source: str) -> bool:
        """Return whether an actor, None for anybody, may see a table."""
        return (actor or "anybody") in getattr(self, source).split()

    def sees_computed(self, actor: str | None, sources: tuple[str, ...]) -> bool:
        """Return whether an actor may see a table computed from ``sources``.

        Nobody sees more of it than of these; a configuration may show less.
        """
        opened = (actor or "anybody") in self.opened.split()
        return opened and all(self.sees(actor, source) for source in sources)

    @property
    def known(self) -> bool:
        """Return whether this version of Datasette knows the configuration."""
        return ("1" if IS_1 else "0") in self.on


def databases(**config: Any) -> dict[str, Any]:
    """Return the configuration of the database, in which nobody may run SQL.

    Whoever may run SQL in a database may read all of it.
    """
    return {"databases": {"data": {"allow_sql": False, **config}}}


def _tables(**config: Any) -> dict[str, Any]:
    return databases(tables=config)


def _writing(actor: str) -> dict[str, Any]:
    rights = ("insert-row", "update-row", "delete-row")
    return {"permissions": {right: {"id": actor} for right in rights}}


# Root may see what everybody may, but nothing that is given to somebody else.
SCENARIOS = {
    "everything is public": Scenario(
        {},
        diary=EVERYBODY,
        herbs=EVERYBODY,
    ),
    "the instance is private": Scenario(
        {"allow": ANN, "allow_sql": False},
        diary="ann",
        herbs="ann",
    ),
    "the database is private": Scenario(
        databases(allow=ANN),
        diary="ann",
        herbs="ann",
    ),
    "one table is private": Scenario(
        _tables(diary={"allow": ANN}),
        diary="ann",
        herbs=EVERYBODY,
    ),
    "each table has its owner": Scenario(
        _tables(diary={"allow": ANN}, herbs={"allow": BOB}),
        diary="ann",
        herbs="bob",
    ),
    "a public table in a private database": Scenario(
        databases(allow=ANN, tables={"herbs": {"allow": True}}),
        diary="ann",
        herbs=EVERYBODY,
        opened="ann",
    ),
    "computed tables opened by mistake": Scenario(
        _tables(
            diary={"allow": ANN},
            herbs={"allow": BOB},
            **{
                name: {"allow": True}
                for source in SOURCES
                for name in (
                    *own_tables.names(source),
                    *own_tables.SHARED,
                    duplicates_view.name_of(source),
                )
            },
        ),
        diary="ann",
        herbs="bob",
    ),
    "people who may write": Scenario(
        _tables(
            diary={"allow": ANN, **_writing("carl")},
            herbs={"allow": {"id": ["bob", "dora"]}, **_writing("dora")},
        ),
        diary="ann",
        herbs="bob dora",
        opened=EVERYBODY + " dora carl",
        actors=(*ACTORS, *WRITERS),
    ),
    "permission blocks": Scenario(
        _tables(
            diary={"permissions": {"view-table": ANN}},
            herbs={"permissions": {"view-table": {"id": ["ann", "bob"]}}},
        ),
        diary="ann",
        herbs="ann bob",
        on=("1",),
    ),
    "denied by default": Scenario(
        {
            "permissions": {
                "view-instance": True,
                "view-database": ANN,
                "view-table": ANN,
                "revimg-upload": True,
            }
        },
        diary="ann",
        herbs="ann",
        arguments={"default_deny": True},
        on=("1",),
    ),
}

# Addresses of the plugin about a table and its row 1, by the status of the answer to somebody who
# may see the table. The vectors are no network's, so that none is run: what needs it answers 409.
ADDRESSES = {
    "/1/-/similar": 200,
    "/1/-/similar?_facet=entry&_size=1&like=2&unlike=3&_min=0.5": 200,
    "/1/-/similar.json": 200,
    "/1/-/similar.json?_facet=entry&name__contains=secret": 200,
    "/1/-/similar.json?_crop=0,0,1,1": 409,
    "/1/-/similar?_ways=all": 409,
    "/1/-/similar.json?_ways=whole,windows": 409,
    "/1/-/similar?_expand=5": 200,
    "/1/-/similar.json?_expand=2&like=2": 200,
    "/1/-/similar?_collapse=1": 200,
    "/1/-/similar.json?_collapse=1&_shape=arrays": 200,
    "/1/-/thumbnail": 200,
    "/1/-/picture": 200,
    "/1/-/compare?with=2": 200,
    "/1/-/compare.json?with=2": 200,
    "/1/-/why?with=2": 409,
    "/1/-/why.json?with=2": 409,
    "/-/similar": 200,
    "/-/similar.json": 405,
    "POST /-/similar": 409,
    "POST /-/similar.json": 409,
    "/-/matrix": 200,
    "/-/matrix.json": 200,
    "/-/matrix.png": 200,
    "/-/matrix-values": 200,
    "/-/map": 200,
    "/-/map.json": 200,
    "/-/map-data": 200,
    "/-/map-sheet": 200,
    "/-/duplicates": 200,
    "/-/duplicates.json?_tier=similar": 200,
    "/-/duplicates?_row=1": 200,
    "/-/duplicates.json?_row=1": 200,
    "/-/duplicates.csv": 200,
    "POST /-/duplicates": 403,
    "POST /-/duplicates.json": 403,
}

# Of these, the status for root, who may decide: that of a form without a decision.
DECISIONS = {"POST /-/duplicates": 400, "POST /-/duplicates.json": 400}

# Pages that list tables, whichever the actor may see.
LISTS = (
    "/",
    "/.json",
    "/-/databases.json",
    "/-/revimg",
    "/-/revimg.json",
    "/data",
    *(
        (
            "/-/jump.json?q=revimg",
            "/-/jump.json?q=diary",
            "/-/allowed.json?action=view-table",
            "/-/schema.json",
            "/data/-/schema.json",
            "/data/-/foreign-key-targets",
            "/data/-/queries.json",
        )
        if IS_1
        else ()
    ),
)

# Addresses of Datasette about a computed table, KEY being that of one of its rows.
TABLE_ADDRESSES = (
    ".json",
    "/KEY.json",
    "",
    "/KEY",
    ".csv?_stream=1",
    "/KEY.blob?_blob_column=BLOB",
    ".json?_nl=on&_shape=array",
    ".json?_facet=COLUMN",
    ".json?_nocount=1&_size=max&_sort=COLUMN",
    ".json?COLUMN__isnull=1",
    *(
        (
            ".json?_extra=count,facet_results,suggested_facets",
            "/-/schema.json",
            "POST /-/count",
            "/-/fragment?_row=KEY",
            "/-/autocomplete?q=1",
        )
        if IS_1
        else ()
    ),
)

# Addresses of Datasette about a view of ours, by the status for somebody who may see the table.
# A view has no rows with addresses.
VIEW_ADDRESSES = {
    ".json": 200,
    "": 200,
    ".csv?_stream=1": 200,
    ".json?_shape=array&_nl=on": 200,
    ".json?_facet=name": 200,
    ".json?_nocount=1&_size=max&_sort=name": 200,
    ".json?name__contains=secret": 200,
    "/1.json": 404,
    "/1.blob?_blob_column=picture": 404,
    **(
        {
            ".json?_extra=count,facet_results,suggested_facets": 200,
            "/-/schema.json": 200,
            "POST /-/count": 200,
            "/-/fragment?_row=1": 400,
            "/-/autocomplete?q=1": 400,
        }
        if IS_1
        else {}
    ),
}


@dataclass(frozen=True)
class ComputedTable:
    """A ``_revimg_`` table, and the tables that it was computed from.

    ``key`` is that of one of its rows, as in an address, ``blob`` the name of a column of BLOBs, if
    it has one.
    """

    name: str
    sources: tuple[str, ...]
    key: str
    column: str
    blob: str | None

    def expected(self, address: str) -> int:
        """Return the status of one of TABLE_ADDRESSES for somebody who may see the table."""
        return 400 if "BLOB" in address and self.blob is None else 200

    def request(self, address: str) -> str:
        """Return the request for one of TABLE_ADDRESSES."""
        address = address.replace("KEY", self.key).replace("COLUMN", self.column)
        return request(self.name, address.replace("BLOB", self.blob or "absent"))


def request(table: str, address: str) -> str:
    """Return the request, method and path, for an address about a table."""
    method, _, rest = address.rpartition(" ")
    return f"{method or 'GET'} /data/{table}{rest}"


def build(file: Path) -> Path:
    """Create a database of Ann's and Bob's tables, both embedded."""
    with closing(sqlite3.connect(file)) as conn:
        conn.executescript(
            """
            create table diary (
                id integer primary key, name text, picture blob, entry integer
            );
            create table herbs (
                id integer primary key, name text, picture blob,
                entry integer references diary (id)
            );
            """
        )
        for source in SOURCES:
            for number in (*ROWS, DAMAGED):
                conn.execute(
                    f"insert into {source} (id, name, picture) values (?, ?, ?)",
                    [number, f"{source} secret {number}", png(number)],
                )
            conn.execute(f"update {source} set entry = 1 + id % 2")
        conn.commit()
        for source in SOURCES:
            failure = Failure((DAMAGED,), f"{source} secret failure")
            embed(
                conn, source, "picture", {number: (number,) for number in ROWS}, "blob", [failure]
            )
            duplicates_view.create(conn, tables.find(conn, source), "picture")
            # As a table has it that was embedded with --whiten, for which these are too few rows.
            whitening = own_tables.whitening_table(source)
            conn.execute(f"create table {whitening} (rows integer, mean blob, matrix blob)")
            conn.execute(f"insert into {whitening} values (3, x'00', x'00')")
        conn.commit()
    return file


def computed_tables(file: Path) -> list[ComputedTable]:
    """Return the ``_revimg_`` tables of the database, whichever there are."""
    owners = {name: source for source in SOURCES for name in own_tables.names(source)}
    found = []
    with closing(sqlite3.connect(file)) as conn:
        names = [
            name
            for (name,) in conn.execute(
                "select name from sqlite_master where type = 'table' order by name"
            )
        ]
        for name in filter(is_own, names):
            columns = conn.execute("select name, type, pk from pragma_table_info(?)", [name])
            described = columns.fetchall()
            keys = [column for column, _, pk in sorted(described, key=lambda each: each[2]) if pk]
            keys = keys or ["rowid"]
            row = conn.execute(f"select {quote_all(keys)} from [{name}] limit 1").fetchone()
            blobs = [column for column, kind, _ in described if kind.lower() == "blob"]
            found.append(
                ComputedTable(
                    name,
                    (owners[name],) if name in owners else SOURCES,
                    ",".join(tilde_encode(str(part)) for part in row or (1,)),
                    described[-1][0],
                    blobs[0] if blobs else None,
                )
            )
    return found
