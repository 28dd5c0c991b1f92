"""What the plugin adds to Datasette's own pages, its configuration, its SQL."""

from __future__ import annotations

import html
import re
import shutil
import sqlite3

import pytest
from click.testing import CliRunner
from datasette.app import Datasette
from datasette.cli import cli
from datasette.utils import StartupError, tilde_encode
from jinja2 import Environment

from datasette_revimg.web import embedded, hooks
from datasette_revimg.web.rows import displayed
from kit.asking import IS_1
from kit.geometry import ANGLES, AWKWARD, DAMAGED, NO_PICTURE, cosine

pytestmark = pytest.mark.asyncio


def links(page):
    """Where *Find similar* leads, in the page's order."""
    return [html.unescape(url) for url in re.findall(r'href="([^"]+)">Find similar</a>', page)]


async def test_plugin_is_installed(ds):
    plugins = (await ds.client.get("/-/plugins.json")).json()
    assert "datasette-revimg" in [plugin["name"] for plugin in plugins]


async def test_commands():
    result = CliRunner().invoke(cli, ["revimg", "--help"])
    assert result.exit_code == 0, result.output
    assert "embed" in result.output


async def test_cosine_in_sql(ds):
    sql = (
        "select cosine_similarity(a.embedding, b.embedding) as c "
        "from _revimg_photos a, _revimg_photos b where a.id = 1 and b.id = 5"
    )
    path = "/data/-/query.json" if IS_1 else "/data.json"
    rows = (await ds.client.get(path, params={"sql": sql, "_shape": "array"})).json()
    assert rows == [{"c": pytest.approx(cosine(1, 5), abs=1e-6)}]


async def test_cells_of_a_table(ds):
    page = (await ds.client.get("/data/photos")).text
    assert links(page) == [f"/data/photos/{number}/-/similar" for number in ANGLES]
    for number in ANGLES:
        assert f'<img src="/data/photos/{number}/-/thumbnail"' in page
        assert f'href="/data/photos/{number}.blob?_blob_column=picture"' in page
    assert page.count('loading="lazy"') == len(ANGLES)
    assert 'width="120" height="80"' in page
    # The damaged picture has no vector: its cell is as without us.
    assert f"/data/photos/{DAMAGED}/-/" not in page
    assert f"/data/photos/{NO_PICTURE}/-/" not in page
    assert "Binary:" in page


async def test_cell_of_a_row(ds):
    assert links((await ds.client.get("/data/photos/3")).text) == ["/data/photos/3/-/similar"]
    assert links((await ds.client.get(f"/data/photos/{DAMAGED}")).text) == []
    assert links((await ds.client.get("/data/plain/1")).text) == []
    assert links((await ds.client.get("/data/plain")).text) == []


@pytest.mark.parametrize("table", ["awkward", "pairs", "keyless", "files"])
async def test_links_lead_somewhere_whatever_the_key(ds, table):
    page = (await ds.client.get(f"/data/{table}")).text
    assert len(links(page)) == (len(AWKWARD) if table == "awkward" else len(ANGLES))
    for url in links(page):
        assert (await ds.client.get(url)).status_code == 200
        row = (await ds.client.get(url.removesuffix("/-/similar"))).text
        assert links(row) == [url]


async def test_path_that_is_the_key_leaves_the_picture_to_its_neighbour(ds):
    """Datasette draws the only key of a table by itself, as the link to the row."""
    page = (await ds.client.get("/data/files")).text
    cell = re.search(r'<td class="col-name[^>]*>(.+?)</td>', page)[1]
    assert "<span>1.png</span>" in cell
    assert links(cell) == [f"/data/files/{tilde_encode('in/1.png')}/-/similar"]


async def test_path_text_stays_and_is_escaped(data, serve):
    conn = sqlite3.connect(data)
    conn.execute("update files set name = '<b>bold</b>' where path = 'in/1.png'")
    conn.execute("update files set name = 'https://example.org/?a=1&b' where path = 'in/2.png'")
    conn.execute("update files set name = null where path = 'in/3.png'")
    conn.commit()
    conn.close()
    page = (await serve().client.get("/data/files")).text
    assert "<span>&lt;b&gt;bold&lt;/b&gt;</span>" in page
    assert '<a href="https://example.org/?a=1&amp;b">' in page
    assert "None" not in page
    assert len(links(page)) == len(ANGLES)


async def test_sql_results_have_links_where_they_have_keys(ds):
    path = "/data/-/query" if IS_1 else "/data"
    for columns, count in (("*", len(ANGLES)), ("title, year, picture", 0)):
        page = await ds.client.get(path, params={"sql": f"select {columns} from photos"})
        assert page.status_code == 200
        assert len(links(page.text)) == count


@pytest.mark.skipif(not IS_1, reason="0.65 has no menu for rows")
async def test_row_menu(ds):
    page = (await ds.client.get("/data/photos/3")).text
    assert re.search(
        r'<a href="/data/photos/3/-/similar" role="menuitem"[^>]*>Find similar\s', page
    )
    page = (await ds.client.get(f"/data/photos/{DAMAGED}")).text
    assert "/-/similar" not in page


async def test_styles_only_where_they_are_needed(ds):
    style = '<link rel="stylesheet" href="/-/static-plugins/datasette-revimg/revimg.css">'
    for path, wanted in (
        ("/data/photos/1/-/similar", True),
        ("/data/photos/99/-/similar", True),
        ("/data/photos", True),
        ("/data/photos/1", True),
        ("/data/plain", False),
        ("/data/plain/1", False),
        ("/data", False),
        ("/", False),
    ):
        assert (style in (await ds.client.get(path)).text) is wanted, path
    css = await ds.client.get("/-/static-plugins/datasette-revimg/revimg.css")
    assert css.status_code == 200
    assert css.headers["content-type"].startswith("text/css")


async def test_pages_of_templates_without_a_name(ds):
    """Another plugin may draw a page from a template that it made itself, from no file."""
    await ds.invoke_startup()
    template = Environment(enable_async=True).from_string("a page of another plugin")
    assert await ds.render_template(template, {}) == "a page of another plugin"
    # Of a table, it gets the style of its cells all the same.
    urls = hooks.extra_css_urls(None, "data", "photos", "table", None, ds)
    assert await urls() == ["/-/static-plugins/datasette-revimg/revimg.css"]


async def test_registry_is_fresh_and_each_database_s_own(data, tmp_path, monkeypatch):
    """Two Datasettes may serve two files under one name; a new table shows up in a second."""
    (tmp_path / "other").mkdir()
    other = shutil.copy(data, tmp_path / "other" / "data.db")
    conn = sqlite3.connect(other)
    conn.execute("delete from _revimg_tables")
    conn.commit()
    first, second = Datasette([str(data)]), Datasette([str(other)])
    assert (await first.client.get("/data/photos/1/-/similar")).status_code == 200
    assert (await second.client.get("/data/photos/1/-/similar")).status_code == 404
    conn.execute("attach ? as built", [str(data)])
    conn.execute("insert into _revimg_tables select * from built._revimg_tables")
    conn.commit()
    conn.close()
    monkeypatch.setattr(embedded, "FRESH_SECONDS", 0)
    assert (await second.client.get("/data/photos/1/-/similar")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 0}, "size"),
        ({"size": 201}, "size"),
        ({"size": "many"}, "size"),
        ({"size": True}, "size"),
        ({"similar_columns": "title"}, "similar_columns"),
        ({"similar_columns": [1]}, "similar_columns"),
        ({"sise": 3}, "sise"),
        (["size"], "mapping"),
    ],
)
@pytest.mark.parametrize("place", ["", "database", "table"])
async def test_wrong_settings_stop_the_start(serve, settings, words, place):
    config = {"plugins": {"datasette-revimg": settings}}
    if place == "table":
        config = {"tables": {"photos": config}}
    if place:
        config = {"databases": {"data": config}}
    with pytest.raises(StartupError) as error:
        await serve(config=config).invoke_startup()
    assert "datasette-revimg" in str(error.value)
    assert words in str(error.value)
    assert ("'data'" in str(error.value)) is bool(place)
    assert ("'photos'" in str(error.value)) is (place == "table")


async def test_settings_closer_to_the_rows_count_more(serve):
    def plugin(**settings):
        return {"plugins": {"datasette-revimg": settings}}

    photos = plugin(size=2)
    data = {**plugin(size=3, similar_columns=["b"]), "tables": {"photos": photos, "other": {}}}
    ds = serve(config={**plugin(size=4, similar_columns=["year"]), "databases": {"data": data}})
    sizes = {}
    for path in ("photos/1", "pairs/1,b~2F1"):
        body = (await ds.client.get(f"/data/{path}/-/similar.json")).json()
        sizes[path] = len(body["rows"])
    assert sizes == {"photos/1": 2, "pairs/1,b~2F1": 3}
    page = (await ds.client.get("/data/pairs/1,b~2F1/-/similar")).text
    assert "<dt>b</dt>" in page


async def test_displayed_size():
    box = (160, 120)
    assert displayed((4000, 3000), box) == (160, 120)
    assert displayed((3000, 4000), box) == (90, 120)
    assert displayed((67, 40), box) == (134, 80)
    assert displayed((100000, 1), box) == (160, 1)


@pytest.mark.parametrize("mutable", [True, False])
async def test_only_files_that_never_change_are_mapped(serve, data, mutable):
    """A mapped page of a file that somebody cuts off is a signal that ends the process."""
    ds = serve() if mutable else serve(immutables=[str(data)])
    mapped = await ds.get_database("data").execute_fn(
        lambda conn: conn.execute("pragma mmap_size").fetchone()[0]
    )
    assert (mapped > 0) == (not mutable)


async def hidden_tables(ds):
    """Return which tables Datasette hides on the database's page."""
    tables = (await ds.client.get("/data.json")).json()["tables"]
    return {table["name"] for table in tables if table["hidden"]}


async def test_computed_tables_are_hidden(ds):
    tables = (await ds.client.get("/data.json")).json()["tables"]
    own = {table["name"] for table in tables if table["name"].startswith("_revimg_")}
    assert len(own) > 6
    assert await hidden_tables(ds) == own
    # Names of tables that not everybody may view would be shown there.
    assert "_revimg_" not in (await ds.client.get("/-/metadata.json")).text


@pytest.mark.skipif(IS_1, reason="1.0 decides by names alone")
async def test_computed_tables_are_shown_where_the_metadata_says_so(serve):
    tables = {"_revimg_photos": {"hidden": False, "title": "Vectors"}, "plain": {"hidden": True}}
    ds = serve(config={"databases": {"data": {"tables": tables}}})
    assert await hidden_tables(ds) == {"plain"}
    tables["_revimg_photos"]["hidden"] = True
    ds = serve(config={"databases": {"data": {"tables": tables}}})
    assert {"plain", "_revimg_photos", "_revimg_tables"} <= await hidden_tables(ds)
    assert ds.metadata("title", database="data", table="_revimg_photos") == "Vectors"


@pytest.mark.parametrize(
    "damage",
    [
        "drop table _revimg_photos_thumbnails",
        "update _revimg_photos_thumbnails set width = 0, height = 0",
        "update _revimg_photos_thumbnails set width = 'wide'",
    ],
)
async def test_datasettes_own_pages_do_without_damaged_thumbnails(ds, data, damage):
    with sqlite3.connect(data) as conn:
        conn.execute(damage)
    for path in ("/data/photos", "/data/photos/1", "/data"):
        response = await ds.client.get(path)
        assert response.status_code == 200, path
        assert "revimg-cell" not in response.text


async def test_no_list_of_tables_has_computed_ones(ds):
    """The home page, the database's page and what it offers to select from."""
    for path in ("/", "/data"):
        page = (await ds.client.get(path)).text
        assert "/data/photos" in page
        assert not re.findall(r'href="/data/_revimg_[^"]*"', page)
        assert "from _revimg_" not in page
