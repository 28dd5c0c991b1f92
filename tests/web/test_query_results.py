"""Results of queries: the rows of an embedded table that are in them show their pictures."""

from __future__ import annotations

import re
import sqlite3
from html import unescape
from urllib.parse import quote

import pytest
from datasette import hookimpl
from datasette.plugins import pm
from datasette.utils import tilde_encode

from datasette_revimg.web.work.state import state_of
from kit.asking import IS_1, cookies
from kit.docs import blocks
from kit.geometry import ANGLES, AWKWARD, embed, png
from kit.permissions import SCENARIOS
from kit.permissions import build as build_permissions

pytestmark = pytest.mark.asyncio

RECIPE = """
    select p.path, cosine_similarity(a.embedding, b.embedding) as similarity
    from _revimg_files as a, _revimg_files as b join files as p on p.path = b.path
    where a.path = 'in/1.png' and b.path != a.path order by similarity desc limit 3
"""
PAIRS = """
    select a.path, b.path, 1 as similarity from _revimg_files as a join _revimg_files as b
    on a.path < b.path where a.path = 'in/10.png' and b.path = 'in/2.png'
"""


async def result_page(ds, sql, database="data", actor=None):
    """Return the HTML of a query's result."""
    response = await ds.client.get(
        f"/{database}?sql={quote(sql)}",
        cookies=cookies(ds, actor) if actor else {},
        follow_redirects=True,
    )
    assert response.status_code == 200, response.text
    return response.text


def links(html):
    """The addresses behind *Find similar*."""
    return [unescape(u) for u in re.findall(r'<a href="([^"]+)">Find similar</a>', html)]


async def shown(ds, sql, **arguments):
    return links(await result_page(ds, sql, **arguments))


def similar(table, *keys):
    return [f"/data/{table}/{','.join(tilde_encode(str(p)) for p in k)}/-/similar" for k in keys]


async def test_key_column_shows_the_picture(ds):
    html = await result_page(ds, "select id, title, year from photos where id in (2, 3, 13, 14)")
    # 13 has no picture, that of 14 is damaged.
    assert links(html) == similar("photos", (2,), (3,))
    cell = html[html.index('<div class="revimg-cell">') :].split("</div>")[0]
    # The picture of an even row is 60 × 40, and is shown twice as large at most.
    assert re.search(r'<img src="/data/photos/2/-/thumbnail" width="120" height="80"', cell)
    assert "<span>2</span>" in cell
    assert "/revimg.css" in html
    for address in re.findall(r'<img src="([^"]+/-/thumbnail)"', html):
        assert (await ds.client.get(address)).status_code == 200


@pytest.mark.parametrize("place", [{"base_url": "/prefix/"}, {"num_sql_threads": 0}])
async def test_settings(serve, place):
    ds = serve(settings=place)
    base = place.get("base_url", "/").rstrip("/")
    found = await shown(ds, "select id, title, year from photos where id = 2")
    assert found == [base + url for url in similar("photos", (2,))]


async def test_immutable(serve, data):
    ds = serve(immutables=[str(data)])
    assert await shown(ds, "select id, title, year from photos where id = 2")


async def test_names_in_other_letters(ds):
    assert await shown(ds, "select id as ID, year as Year from photos where id = 2") == similar(
        "photos", (2,)
    )


async def test_recipes_of_the_readme(ds):
    nearest = [("in/8.png",), ("in/3.png",), ("in/6.png",)]
    assert await shown(ds, RECIPE) == similar("files", *nearest)
    assert await shown(ds, PAIRS) == similar("files", ("in/10.png",), ("in/2.png",))


async def test_queries_of_the_readme_on_photos(tmp_path, serve):
    file = tmp_path / "photos.db"
    conn = sqlite3.connect(file)
    conn.execute("create table photos (path text primary key, width int, height int, taken text)")
    names = {1: ("beach.jpg",), 2: ("dune.jpg",), 3: ("harbour.jpg",)}
    for (name,) in names.values():
        conn.execute("insert into photos values (?, 1600, 1200, '2016')", [name])
    conn.commit()
    embed(conn, "photos", "path", names, kind="path")
    conn.close()
    ds = serve(file)
    queries = [sql for sql in blocks("sql", "photos.db") if "path, cosine" in sql]
    assert len(queries) == 3
    for sql in [*queries, *blocks("sql", "query results")]:
        assert len(await shown(ds, sql, database="photos")) >= 2


async def test_awkward_keys(ds):
    found = await shown(ds, "select name, picture from awkward order by rowid")
    assert found == similar("awkward", *((key,) for key in AWKWARD.values()))
    for url in found:
        assert (await ds.client.get(url.replace("similar", "thumbnail"))).status_code == 200


async def test_compound_keys(ds):
    expected = similar("pairs", (2, "b/2"), (3, "b/3"))
    rows = "from pairs where a in (2, 3)"
    assert await shown(ds, f"select b, a {rows}") == expected
    assert await shown(ds, f"select json_array(a, b) as revimg_pairs {rows}") == expected
    assert await shown(ds, f"select a {rows}") == []
    # Which b goes with which a?
    assert await shown(ds, f"select a, b, b {rows}") == []
    for text in ("'[2]'", "'{}'", "'2'", "'nonsense'", "'[[2], \"b/2\"]'", "2", "x'00'", "null"):
        assert await shown(ds, f"select {text} as revimg_pairs") == []


async def test_rowid(ds):
    assert await shown(ds, "select rowid, words from keyless where rowid = 4") == similar(
        "keyless", (4,)
    )
    assert await shown(ds, "select rowid from keyless where rowid = 4") == []
    assert await shown(ds, "select rowid as revimg_keyless from keyless where rowid = 4")


async def test_alias_says_whose_key_it_is(ds):
    # id is plain's key too.
    assert await shown(ds, "select id from photos where id = 2") == []
    assert await shown(ds, "select id as revimg_photos from photos where id = 2") == similar(
        "photos", (2,)
    )
    assert await shown(ds, "select 3 as REVIMG_Photos, 2 as id, 'x' as title") == similar(
        "photos", (3,)
    )
    assert await shown(ds, "select 2 as revimg_photos, 'in/3.png' as revimg_files") == [
        *similar("photos", (2,)),
        *similar("files", ("in/3.png",)),
    ]
    assert await shown(ds, "select 2 as revimg_absent, 2 as revimg_plain, 2 as revimg_") == []


async def test_what_is_no_key(ds):
    for value in ("99", "'two'", "null", "x'02'", "2.5", "'2'", "''", "' '"):
        found = await shown(ds, f"select {value} as revimg_photos")
        # SQLite takes '2' for 2 where it compares with an integer column.
        assert found == (similar("photos", (2,)) if value == "'2'" else [])


async def test_values_are_escaped(ds):
    name = AWKWARD[7]
    html = await result_page(ds, "select name, picture from awkward where rowid = 7")
    assert f"<span>{name}</span>" not in html
    assert "<span>&lt;b&gt;&amp;" in html


async def test_other_tables_with_such_keys(ds, data):
    """The result that could as well be of another table isn't taken for this one's."""
    conn = sqlite3.connect(data)
    conn.executescript(
        """
        create table orders (id integer primary key, total integer, title text);
        insert into orders values (2, 100, 'chairs');
        create table notes (path text references files, note text);
        insert into notes values ('in/2.png', 'blurred');
        create table lists (path text, note text, done integer);
        create table stock (id integer, shelf text, primary key (id, shelf));
        create virtual table keyless_fts using fts5(words, content="keyless");
        create virtual table photos_fts using fts5(title, content="photos");
        """
    )
    conn.execute("insert into keyless_fts (rowid, words) select rowid, words from keyless")
    conn.commit()
    assert await shown(ds, "select id, total from orders") == []
    assert await shown(ds, "select id, title from photos where id = 2") == []
    assert await shown(ds, "select id, 'A' as shelf from photos where id = 2") == []
    found = await shown(ds, "select id, title, year from photos where id = 2")
    assert found == similar("photos", (2,))
    # A search index has the keys of its table.
    word = "select rowid, words from keyless_fts where keyless_fts match '\"word 4\"'"
    assert await shown(ds, word) == similar("keyless", (4,))
    # lists has path and note too, and no file is meant there.
    assert await shown(ds, "select path, note from notes") == []
    conn.execute("drop table lists")
    conn.close()
    assert await shown_soon(ds, "select path, note from notes") == similar("files", ("in/2.png",))


async def shown_soon(ds, sql):
    """What is shown of the database as it is now, not up to a second ago."""
    await state_of(ds).registry(ds.get_database("data"), current=True)
    return await shown(ds, sql)


async def test_two_embedded_tables_alike(data, serve):
    conn = sqlite3.connect(data)
    conn.execute("create table scans (id integer primary key, title text, scan blob)")
    conn.execute("insert into scans values (2, 'two', ?)", [png(2)])
    conn.commit()
    embed(conn, "scans", "scan", {2: (2,)})
    conn.close()
    ds = serve()
    assert await shown(ds, "select id, title from photos where id = 2") == []
    assert await shown(ds, "select id, title, scan from scans") == similar("scans", (2,))
    assert await shown(ds, "select id, title, year from photos where id = 2") == similar(
        "photos", (2,)
    )


async def test_without_embedded_tables_nothing_is_added(tmp_path, serve):
    file = tmp_path / "other.db"
    conn = sqlite3.connect(file)
    conn.execute("create table photos (id integer primary key, title text)")
    conn.execute("insert into photos values (1, 'one')")
    conn.commit()
    conn.close()
    html = await result_page(
        serve(file), "select id, title, 1 as revimg_photos from photos", "other"
    )
    assert "revimg.css" not in html
    assert "revimg-cell" not in html


async def test_json_and_csv_stay_as_they_are(ds):
    base = "/data/-/query" if IS_1 else "/data"
    sql = quote("select id, year from photos where id = 2")
    answer = await ds.client.get(f"{base}.json?sql={sql}&_shape=array")
    assert answer.json() == [{"id": 2, "year": 1982}]
    assert (await ds.client.get(f"{base}.csv?sql={sql}")).text.split() == ["id,year", "2,1982"]


# Permissions -------------------------------------------------------------------------------

ANN = {"id": "ann"}


def private(**queries):
    tables = {"photos": {"allow": ANN}}
    return {"databases": {"data": {"allow_sql": ANN, "tables": tables, "queries": queries}}}


async def test_public_query_of_a_private_table(serve):
    """It says what it selects, and not whether there is a picture, let alone how large it is."""
    sql = "select id, year, title from photos where id in (2, 3)"
    absent = "select 99 as id, 1999 as year, 'none' as title union select 13, 1999, 'none'"
    ds = serve(config=private(two={"sql": sql}, absent={"sql": absent}))
    for actor in (None, "bob"):
        sent = cookies(ds, actor) if actor else {}
        for name in ("two", "absent"):
            answer = await ds.client.get(f"/data/{name}", cookies=sent)
            assert answer.status_code == 200
            assert "revimg-cell" not in answer.text
            assert links(answer.text) == []
    answer = await ds.client.get("/data/two", cookies=cookies(ds, "ann"))
    assert links(answer.text) == similar("photos", (2,), (3,))
    for url in links(answer.text):
        answer = await ds.client.get(
            url.replace("similar", "thumbnail"), cookies=cookies(ds, "ann")
        )
        assert answer.status_code == 200


async def test_stylesheet_of_a_query_says_nothing_of_hidden_tables(tmp_path_factory, serve):
    """Whether a database has embedded tables is known to those who may view one."""
    config = SCENARIOS["each table has its owner"].config["databases"]["data"]
    queries = {"one": {"sql": "select 1"}}
    ds = serve(
        build_permissions(tmp_path_factory.mktemp("hidden") / "data.db"),
        config={"databases": {"data": {**config, "queries": queries}}},
    )
    for actor, linked in ((None, False), ("carl", False), ("ann", True), ("bob", True)):
        answer = await ds.client.get("/data/one", cookies=cookies(ds, actor) if actor else {})
        assert answer.status_code == 200
        assert ("revimg.css" in answer.text) is linked, actor


async def test_who_asks_isnt_mixed_up(serve):
    """One right after the other, and the other way round."""
    sql = "select id, year, title from photos where id = 2"
    ds = serve(config=private(two={"sql": sql}))
    ann = cookies(ds, "ann")
    sized = []
    for sent in (ann, {}, ann, {}):
        html = (await ds.client.get("/data/two", cookies=sent)).text
        sized.append('width="120"' in html)
    assert sized == [True, False, True, False]


async def test_a_request_within_another_isnt_mixed_up_with_it(serve):
    """A plugin may ask for a page as somebody else while a page is drawn."""
    ds = serve(config=private(two={"sql": "select id, year, title from photos where id = 2"}))
    ann = cookies(ds, "ann")
    inner = []

    class Dashboard:
        @hookimpl(tryfirst=True)
        def render_cell(self, column):
            async def draw():
                if column == "id" and not inner:
                    inner.append(None)
                    inner.append((await ds.client.get("/data/two", cookies=ann)).text)

            return draw

    pm.register(Dashboard(), "dashboard")
    try:
        html = (await ds.client.get("/data/two")).text
    finally:
        pm.unregister(name="dashboard")
    assert 'width="120"' in inner[1]
    assert "revimg-cell" not in html


async def test_private_instance(serve):
    ds = serve(config={"allow": ANN})
    assert await shown(
        ds, "select id, year, title from photos where id = 2", actor="ann"
    ) == similar("photos", (2,))


async def test_all_rows(ds):
    found = await shown(ds, "select id, title, year from photos order by id")
    assert found == similar("photos", *((number,) for number in sorted(ANGLES)))
