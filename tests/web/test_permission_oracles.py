"""Nobody can ask about a table that they may not see, whichever way they put the question."""

from __future__ import annotations

import json
import re
import struct

import pytest
from datasette import hookimpl
from datasette.plugins import pm

from kit.asking import IS_1, cookies
from kit.geometry import png
from kit.permissions import ANN, SCENARIOS, build, computed_tables, databases
from kit.uploads import form, part, post

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Return a database that no test here may change."""
    return build(tmp_path_factory.mktemp("permissions") / "data.db")


@pytest.fixture
def ds(serve, database):
    return serve(database, config=SCENARIOS["one table is private"].config)


# Questions about the hidden table; the answer to each must be that of every other. The rows 1 to 4
# exist, the fourth has no vector.
QUESTIONS = [
    "/1/-/similar",
    "/4/-/similar",
    "/999/-/similar",
    "/~C3~A9/-/similar",
    "/1,2/-/similar",
    "/1/-/similar?like=2",
    "/1/-/similar?like=999",
    "/1/-/similar?_facet=name",
    "/1/-/similar?_facet=absent",
    "/1/-/similar?name=diary+secret+1",
    "/1/-/similar?absent=1",
    "/1/-/similar?_size=nonsense",
    "/1/-/similar?_crop=0,0,1,1",
    "/1/-/similar?_ways=all",
    "/1/-/similar?_ways=nonsense",
    "/1/-/similar?_expand=5",
    "/1/-/similar?_expand=nonsense",
    "/1/-/similar?_where=1",
    "/1/-/similar?_where=nonsense(",
    "/1/-/similar?_filter_column=name&_filter_value=x",
    "/1/-/similar?" + "x=1&" * 200,
    "/1/-/compare?with=2",
    "/1/-/compare?with=999",
    "/1/-/compare",
    "/1/-/why?with=2",
    "/1/-/why?with=4",
    "/-/similar",
    "/-/matrix?_size=1",
    "/-/matrix?_order=nonsense",
    "/-/map?name=diary+secret+1",
    "/-/map?name=absent",
]

# Others that have no JSON of their own.
PICTURES = [
    "/1/-/thumbnail",
    "/4/-/thumbnail",
    "/999/-/thumbnail",
    "/1/-/picture",
    "/999/-/picture",
    "/-/matrix.png",
    "/-/matrix-values?_version=1",
    "/-/map-data?_places=1",
    "/-/map-sheet?_sheet=0",
    "/-/map-sheet?_sheet=99",
]


def without_path(response, path):
    """Return what an answer says, but for the address asked for and the form's token."""
    # 1.0's page has a link to itself; 0.65's Forbidden ends with a number for its own styles.
    text = re.sub(r'csrftoken" value="[^"]*"', "", response.text.replace(path, ""))
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    headers.pop("set-cookie", None)
    return response.status_code, headers, text


@pytest.mark.parametrize("actor", [None, "bob"])
async def test_forbidden_answers_do_not_differ(ds, actor):
    signed_in = cookies(ds, actor) if actor else {}
    answers = {}
    for question in [*QUESTIONS, *PICTURES]:
        for headers in ({}, {"If-None-Match": "*"}):
            path = f"/data/diary{question}"
            response = await ds.client.get(path, cookies=signed_in, headers=headers)
            answers.setdefault(str(without_path(response, path)), []).append(question)
    assert len(answers) == 1, [questions[0] for questions in answers.values()]
    assert response.status_code == 403
    answers = {}
    for question in QUESTIONS:
        path, _, query = question.partition("?")
        path = f"/data/diary{path}.json"
        response = await ds.client.get(f"{path}?{query}", cookies=signed_in)
        answers.setdefault(str(without_path(response, path)), []).append(question)
    assert len(answers) == 1, answers
    assert response.status_code == 403


async def test_no_time_is_spent_on_the_row_that_is_asked_about(serve, database):
    """The permission is decided before the key reaches SQL, so time says nothing about it."""
    statements = []

    class Traced:
        __name__ = "traced"

        @hookimpl
        def prepare_connection(self, conn):
            conn.set_trace_callback(statements.append)

    pm.register(Traced(), "traced")
    try:
        ds = serve(database, config=SCENARIOS["one table is private"].config)
        key = "987654321"
        pages = ("similar", "thumbnail", "picture", "why?with=1")
        questions = [f"/{key}/-/{page}" for page in pages]
        for question in (*questions, f"/1/-/similar?like={key}", f"/1/-/compare?with={key}"):
            assert (await ds.client.get(f"/data/diary{question}")).status_code == 403
            assert not [each for each in statements if key in each]
            # The same about a table that everybody may see, to be sure that this would be noticed.
            await ds.client.get(f"/data/herbs{question}")
            assert [each for each in statements if key in each], question
            statements.clear()
    finally:
        pm.unregister(name="traced")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
async def test_other_methods_do_not_differ(ds, method):
    """Some are allowed nowhere; that is no answer about a row."""
    for address in ("similar", "thumbnail", "picture", "compare", "why"):
        answers = set()
        for row in (1, 4, 999):
            path = f"/data/diary/{row}/-/{address}"
            response = await ds.client.request(method, path)
            answers.add(str(without_path(response, path)))
        assert len(answers) == 1
        assert response.status_code in (403, 405)


@pytest.mark.parametrize("picture", [png(1), b"no picture", b""])
async def test_pictures_that_are_sent_are_not_looked_at(ds, picture):
    response = await post(ds, form(part(picture)), "/data/diary/-/similar.json")
    assert response.status_code == 403
    assert "permission" in response.json()["error"]


@pytest.mark.parametrize(
    "address",
    [
        "/1/-/similar",
        "/1/-/similar.json",
        "/-/similar",
        "/-/matrix",
        "/-/matrix.json",
        "/-/matrix.png",
        "/-/matrix-values",
        "/-/map",
        "/-/map.json",
        "/-/map-data",
        "/-/map-sheet",
    ],
)
async def test_sql_in_a_filter_needs_permission_to_run_sql(ds, address):
    """It could read every other table of the database."""
    question = "1 in (select id from diary where name like '{}%')"
    answers = set()
    for like in ("diary", "nothing"):
        path = f"/data/herbs{address}"
        response = await ds.client.get(path, params={"_where": question.format(like)})
        answers.add((response.status_code, response.text.count("secret")))
    assert answers == {(403, 0)}
    # The condition of a form's field is one too.
    if address == "/-/similar":
        field = part(question.format("diary").encode(), "_where", None)
        response = await post(ds, form(part(png(1)), field), "/data/herbs/-/similar.json")
        assert response.status_code == 403


async def test_facets_count_rows_of_a_reference_but_do_not_name_them(ds):
    path = "/data/herbs/1/-/similar.json?_facet=entry"
    for actor, labelled in ((None, False), ("bob", False), ("ann", True)):
        response = await ds.client.get(path, cookies=cookies(ds, actor) if actor else {})
        values = response.json()["facet_results"]["entry"]["results"]
        assert values
        labels = {value["label"] for value in values}
        assert labels <= ({f"diary secret {row}" for row in (1, 2)} if labelled else {"1", "2"})


WRITING = (
    "insert-row",
    "update-row",
    "delete-row",
    "alter-table",
    "drop-table",
    "create-table",
    "create-view",
    "execute-write-sql",
)


@pytest.fixture
def writable(serve, database, tmp_path):
    """Return a function that makes a Datasette in which this actor may write everywhere."""
    copy = tmp_path / "data.db"
    copy.write_bytes(database.read_bytes())

    def made(actor):
        rights = {right: {"id": actor} for right in WRITING}
        tables = {"diary": {"allow": ANN}}
        permissions = {} if actor == "root" else {"permissions": rights}
        ds = serve(copy, config=databases(tables=tables, **permissions))
        ds.root_enabled = True
        return ds

    return made


async def write(ds, actor, address, body):
    await ds.invoke_startup()
    return await ds.client.post(f"/data/{address}", json=body, cookies=cookies(ds, actor))


@pytest.mark.skipif(not IS_1, reason="0.65 has no addresses that write")
@pytest.mark.parametrize("actor", ["bob", "root"])
async def test_nobody_writes_to_the_computed_tables(writable, database, actor):
    """Not even somebody who may write everywhere: they decide which files are read."""
    ds = writable(actor)
    for table in computed_tables(database):
        name, column, key = table.name, table.column, table.key
        row = {column: 1}
        dropped = {"op": "drop_column", "args": {"name": column}}
        for address, body in (
            (f"{name}/-/insert", {"row": row}),
            (f"{name}/-/insert", {"row": row, "replace": True}),
            (f"{name}/-/upsert", {"rows": [row]}),
            (f"{name}/{key}/-/update", {"update": row}),
            (f"{name}/{key}/-/delete", {}),
            (f"{name}/-/alter", {"operations": [dropped]}),
            (f"{name}/-/drop", {"confirm": True}),
            ("-/create", {"table": name, "row": row}),
            ("-/execute-write", {"sql": f"delete from [{name}]"}),
            ("-/execute-write", {"sql": f"update [{name.upper()}] set [{column}] = 1"}),
            ("-/execute-write", {"sql": f"insert into [{name}] default values"}),
            ("-/execute-write", {"sql": f"drop table [{name}]"}),
            ("-/execute-write", {"sql": f"alter table [{name}] rename to mine"}),
            ("-/execute-write", {"sql": f"create index mine on [{name}] ([{column}])"}),
        ):
            response = await write(ds, actor, address, body)
            assert response.status_code == 403, (address, body, response.text)
    response = await write(ds, actor, "herbs/-/insert", {"row": {"id": 500, "name": "mine"}})
    assert response.status_code == 201


@pytest.mark.skipif(not IS_1, reason="0.65 has no addresses that write")
@pytest.mark.parametrize("name", ["_revimg_mine", "_ReVimG_mine"])
@pytest.mark.parametrize("actor", ["bob", "root"])
async def test_nobody_creates_a_table_that_looks_computed(writable, actor, name):
    ds = writable(actor)
    for address, body in (
        ("-/create", {"table": name, "row": {"id": 1}}),
        ("herbs/-/alter", {"operations": [{"op": "rename_table", "args": {"to": name}}]}),
        ("-/execute-write", {"sql": f"create table {name} (id integer)"}),
        ("-/execute-write", {"sql": f"create view {name} as select 1"}),
        ("-/execute-write", {"sql": f"alter table herbs rename to {name}"}),
    ):
        response = await write(ds, actor, address, body)
        assert response.status_code == 400, (address, response.text)
        assert name in response.json()["error"]
        assert "datasette-revimg" in response.json()["error"]
    names = await ds.get_database().table_names()
    assert name not in names
    assert "herbs" in names
    assert name not in await ds.get_database().view_names()
    assert (await write(ds, actor, "-/create", {"table": "mine", "row": {"id": 1}})).is_success


@pytest.mark.skipif(not IS_1, reason="0.65 has no addresses that write")
async def test_sql_that_writes_reads_no_vectors_of_a_hidden_table(writable):
    """Datasette checks which tables such SQL reads; in a default it can't see any."""
    ds = writable("bob")
    query = struct.pack("<16f", 1, *[0] * 15).hex()
    top = f"revimg_top('diary', x'{query}', 5)"
    created = await write(
        ds,
        "bob",
        "-/execute-write",
        {"sql": f"create table mine (id integer primary key, stolen text default ({top}))"},
    )
    assert created.status_code == 200
    body = {"row": {"id": 1}, "return": True}
    inserted = (await write(ds, "bob", "mine/-/insert", body)).json()
    assert json.loads(inserted["rows"][0]["stolen"]) == [
        {"error": "revimg_top can't be used in SQL that writes"}
    ]
    response = await write(ds, "bob", "-/execute-write", {"sql": f"update herbs set name = {top}"})
    assert response.status_code == 400
