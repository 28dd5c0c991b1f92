"""The similar images page refined: more and less like a result, filters, facets, a threshold."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from datasette.utils import tilde_encode

from datasette_revimg.pictures import decoding
from datasette_revimg.store import tables, upkeep, writing
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.writing import Embedding
from datasette_revimg.web.requests import filters
from kit.asking import check_problem, cookies, get_json, ids
from kit.docs import blocks
from kit.geometry import ANGLES, AWKWARD, DIMENSION, cosine, embed, nearest, png, vector
from kit.scenes import saved, scene

pytestmark = pytest.mark.asyncio

PAGE = "/data/photos/1/-/similar"

COLOURS = {number: "red" if number % 2 else "blue" for number in ANGLES}


class Page(HTMLParser):
    """The links by their names, and the forms' fields, of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.forms: list[dict[str, object]] = []
        self._select, self._link = "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        match tag:
            case "a":
                self._link = given.get("href")
                if "aria-label" in given:
                    self.links[given["aria-label"]] = given["href"]
            case "form":
                self.forms.append({"class": given.get("class"), "fields": [], **given})
            case "input" if self.forms and "name" in given:
                self.forms[-1]["fields"].append((given["name"], given.get("value", "")))
            case "select":
                self._select = given["name"]
                self.forms[-1]["fields"].append((self._select, ""))
            case "option" if "selected" in given:
                self.forms[-1]["fields"][-1] = (self._select, given.get("value"))

    def handle_endtag(self, tag):
        if tag == "a":
            self._link = None

    def handle_data(self, text):
        if self._select and self.forms[-1]["fields"][-1] == (self._select, None):
            self.forms[-1]["fields"][-1] = (self._select, text)
        if self._link and text.strip():
            self.links.setdefault(text.strip(), self._link)

    def form(self, name: str) -> dict[str, object]:
        return next(form for form in self.forms if name in (form["class"] or ""))


async def shown(ds, path) -> tuple[Page, str]:
    response = await ds.client.get(path)
    assert response.status_code == 200, response.text
    return Page(response.text), response.text


def counts(text: str) -> dict[str, dict[str, int]]:
    """The facets of a page: values and their numbers, by column."""
    part = re.search(r'<div class="revimg-facets">.*?</div>', text, re.S)
    if part is None:
        return {}
    return {
        name.strip(): {
            html.unescape(value): int(number)
            for value, number in re.findall(
                r"<(?:a [^>]+|strong)>([^<]+)</(?:a|strong)> <span>(\d+)</span>", values
            )
        }
        for name, values in re.findall(r"<h2>([^<]+).*?</h2>\s*<ul>(.*?)</ul>", part[0], re.S)
    }


async def test_more_and_less_like_a_result(ds):
    query = "?colour=blue&_min=-1&like=5&_size=3"
    page, _ = await shown(ds, PAGE + query)
    rows = (await get_json(ds, PAGE + ".json", colour="blue", _min=-1, like=5, _size=3))["rows"]
    for row in rows:
        label, number = row["row"]["title"], row["row"]["id"]
        assert page.links[f"More like {label}"] == f"{PAGE}{query}&like={number}"
        assert page.links[f"Less like {label}"] == f"{PAGE}{query}&unlike={number}"
    nearer = (await ds.client.get(page.links["More like Picture 6"] + "&_shape=objects")).text
    assert 'alt="Picture 6"' in nearer


async def test_links_name_rows_as_their_addresses_do(ds):
    base = f"/data/awkward/{tilde_encode(AWKWARD[1])}/-/similar"
    page, _ = await shown(ds, base)
    for key in list(AWKWARD.values())[1:]:
        link = page.links[f"More like {key}"]
        assert parse_qsl(urlsplit(link).query) == [("like", tilde_encode(key))]
        _, text = await shown(ds, link)
        assert (
            f'aria-label="Remove more like {html.escape(key)}"' in html.unescape(text)
            or f"Remove more like {key}" in Page(text).links
        )
    page, _ = await shown(ds, "/data/pairs/1,b~2F1/-/similar")
    link = page.links["Less like 8, b/8"]
    assert parse_qsl(urlsplit(link).query) == [("unlike", "8,b~2F8")]


async def test_the_bar_of_parts(ds):
    page, text = await shown(ds, PAGE)
    assert "revimg-parts" not in text
    page, text = await shown(ds, f"{PAGE}?like=5&unlike=4&colour=red&like=7&_size=2")
    bar = re.search(r'<ul class="revimg-parts".*?</ul>', text, re.S)[0]
    assert re.findall(r'alt="([^"]+)"', bar) == [f"Picture {n}" for n in (1, 5, 7, 4)]
    assert re.findall(r'<span aria-hidden="true">(.)</span>\s*<a class="revimg-part"', bar) == [
        "+", "+", "−"
    ]  # fmt: skip
    links = page.links
    assert links["Remove more like Picture 5"] == f"{PAGE}?unlike=4&colour=red&like=7&_size=2"
    assert links["Remove more like Picture 7"] == f"{PAGE}?like=5&unlike=4&colour=red&_size=2"
    assert links["Remove less like Picture 4"] == f"{PAGE}?like=5&colour=red&like=7&_size=2"
    # The next takes the place of the picture itself.
    assert links["Remove Picture 1"] == (
        "/data/photos/5/-/similar?unlike=4&colour=red&like=7&_size=2"
    )
    page, text = await shown(ds, f"{PAGE}?unlike=4")
    assert "revimg-parts" in text
    assert "Remove Picture 1" not in page.links


async def test_form_of_filters(ds):
    kept = [("like", "5"), ("unlike", "4"), ("_min", "-1"), ("_size", "3"), ("_facet", "colour")]
    filters = [("colour", "red"), ("year__gte", "1981"), ("title__notnull", "1")]
    page, _ = await shown(ds, f"{PAGE}?{urlencode([*kept, *filters])}")
    form = page.form("revimg-filters")
    assert (form["action"], form["method"]) == (PAGE, "get")
    assert [pair for pair in form["fields"] if not pair[0].startswith("_filter")] == kept
    rows = [pair for pair in form["fields"] if pair[0].startswith("_filter")]
    assert len(rows) == 3 * 4
    # Sent as it is, it changes nothing, whatever the order of the filters.
    response = await ds.client.get(f"{PAGE}?{urlencode(form['fields'])}")
    assert response.status_code == 302
    path, _, query = response.headers["location"].partition("?")
    assert path == PAGE
    assert parse_qsl(query)[:5] == kept
    assert sorted(parse_qsl(query)[5:]) == sorted(filters)
    # A row that is emptied is a filter that is removed; the empty row adds one.
    fields = [
        (name, "" if name == "_filter_column_1" else "id" if name == "_filter_column" else value)
        for name, value in form["fields"]
    ]
    fields = [
        (name, {"_filter_op": "lt", "_filter_value": "9"}.get(name, value))
        for name, value in fields
    ]
    response = await ds.client.get(f"{PAGE}.json?{urlencode(fields)}")
    path, _, query = response.headers["location"].partition("?")
    assert path == PAGE + ".json"
    left = parse_qsl(query)[5:]
    assert ("id__lt", "9") in left
    assert len(left) == 3
    body = (await ds.client.get(response.headers["location"])).json()
    assert body["ok"]


async def test_form_under_base_url(serve):
    ds = serve(settings={"base_url": "/prefix/"})
    response = await ds.client.get(f"{PAGE}?_filter_column=colour&_filter_value=red")
    assert response.headers["location"] == f"/prefix{PAGE}?colour=red"
    response = await ds.client.get("/data/photos/-/similar?_filter_column=colour&_filter_value=red")
    assert response.headers["location"] == "/prefix/data/photos/-/similar?colour=red"
    page, _ = await shown(ds, PAGE + "?like=5&_min=0.1")
    urls = [page.form("revimg-filters")["action"], page.form("revimg-threshold")["action"]]
    urls += [page.form("revimg-threshold")["data-count"], page.links["More like Picture 8"]]
    urls += [page.links["Remove Picture 1"], page.links["blue"]]
    assert all(url.startswith("/prefix/data/photos/") for url in urls)
    body = await get_json(ds, PAGE + ".json", _facet="colour")
    link = body["facet_results"]["colour"]["results"][0]["toggle_url"]
    assert link.startswith(f"/prefix{PAGE}.json?_facet=colour&colour=")


@pytest.fixture
def odd(data, serve):
    """A table of columns whose names mean something else in an address."""
    names = ["like", "_x", "a__b", "_size", "ünd & so?"]
    with closing(sqlite3.connect(data)) as conn:
        columns = ", ".join(f'"{name}" text' for name in names)
        conn.execute(f"create table odd (id integer primary key, {columns}, picture blob)")
        for number in ANGLES:
            values = [f"{name}={number % 3}" for name in names]
            marks = ", ".join("?" * (len(names) + 2))
            conn.execute(f"insert into odd values ({marks})", [number, *values, png(number)])
        conn.commit()
        embed(conn, "odd", "picture", {number: (number,) for number in ANGLES})
    return serve(), names


async def test_awkward_columns(odd):
    ds, names = odd
    path = "/data/odd/1/-/similar"
    chosen = [number for number in nearest(1) if number % 3 == 2]
    for name in names:
        sent = {"_filter_column": name, "_filter_op": "exact", "_filter_value": f"{name}=2"}
        response = await ds.client.get(f"{path}.json?{urlencode(sent)}")
        address = response.headers["location"]
        assert ids((await ds.client.get(address)).json()) == chosen
        # The form shows what it was sent.
        page, _ = await shown(ds, address.replace(".json", ""))
        fields = dict(page.form("revimg-filters")["fields"])
        assert fields["_filter_column_1"] == name
        assert fields["_filter_value_1"] == f"{name}=2"
        # And so do the links of the facet.
        body = await get_json(ds, path + ".json", _facet=name)
        results = body["facet_results"][name]["results"]
        assert {each["value"]: each["count"] for each in results} == Counter(
            f"{name}={number % 3}" for number in nearest(1)
        )
        link = next(each["toggle_url"] for each in results if each["value"] == f"{name}=2")
        body = (await ds.client.get(link)).json()
        assert ids(body) == chosen
        (selected,) = body["facet_results"][name]["results"]
        assert selected["selected"]
        assert parse_qsl(urlsplit(selected["toggle_url"]).query) == [("_facet", name)]


@pytest.mark.parametrize(
    ("pairs", "same"),
    [
        ([("_filter_column", "a"), ("_filter_op", "exact"), ("_filter_value", "")], [("a", "")]),
        ([("_filter_column", ""), ("_filter_op", "gt"), ("_filter_value", "3")], []),
        ([("_filter_column_2", "a"), ("_filter_op_2", "isnull__1")], [("a__isnull", "1")]),
        ([("_filter_value_1", "3"), ("_filter_op_1", "gt")], []),
        ([("_search", ""), ("_filter_column", "")], []),
        ([("_nl", "on"), ("_filter_column", "unlike")], [("_nl", "on"), ("unlike__exact", "")]),
    ],
)  # fmt: skip
async def test_what_a_form_says(pairs, same):
    assert filters.sent_by_form(pairs)
    assert filters.from_form(pairs) == same
    assert not filters.sent_by_form(same)


async def test_search_field(data, serve):
    with closing(sqlite3.connect(data)) as conn:
        conn.executescript(
            """
            create virtual table photos_fts using fts5(title, content="photos", content_rowid="id");
            insert into photos_fts (rowid, title) select id, title from photos;
            """
        )
    page, _ = await shown(serve(), PAGE + "?_search=10")
    fields = page.form("revimg-filters")["fields"]
    assert fields.count(("_search", "10")) == 1
    assert ("_search", "10") in page.form("revimg-threshold")["fields"]


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({}, lambda n: True),
        ({"year__gte": 1986}, lambda n: n >= 6),
        ({"colour": "red"}, lambda n: n % 2 == 1),
        ({"_where": "id in (2, 3, 8) -- or"}, lambda n: n in (2, 3, 8)),
        ({"like": "5", "unlike": "4"}, lambda n: n not in (4, 5)),
    ],
)
@pytest.mark.parametrize("minimum", [None, 0.5, 0.95, "80%"])
async def test_facets_against_brute_force(ds, query, chosen, minimum):
    asked = {**query, "_facet": ["colour", "year"], "_size": 2}
    asked |= {} if minimum is None else {"_min": minimum}
    body = await get_json(ds, PAGE + ".json", **asked)
    # The rows themselves say who the candidates are.
    all_of_them = await get_json(ds, PAGE + ".json", **{**asked, "_size": 200})
    numbers = ids(all_of_them)
    if minimum is None:
        assert numbers
        assert set(numbers) == {n for n in nearest(1) if chosen(n)}
    elif "like" not in query and minimum != "80%":
        assert set(numbers) == {n for n in nearest(1) if chosen(n) and cosine(1, n) >= minimum}
    results = body["facet_results"]
    assert list(results) == ["colour", "year"]
    for column, value in (("colour", COLOURS.get), ("year", lambda n: 1980 + n)):
        counted = [(each["value"], each["count"]) for each in results[column]["results"]]
        expected = Counter(map(value, numbers))
        assert counted == sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    assert body["facets_timed_out"] == []


async def test_facets_have_the_shape_of_datasette(ds):
    body = await get_json(ds, PAGE + ".json")
    assert not {"facet_results", "facets_timed_out", "minimum"} & set(body)
    asked = {"_facet": "colour", "year__gt": 1985, "colour": "red"}
    body = await get_json(ds, PAGE + ".json", **asked)
    theirs = (
        await ds.client.get(f"/data/photos.json?{urlencode(asked)}&_extra=facet_results")
    ).json()
    theirs = theirs["facet_results"]
    theirs = theirs.get("results", theirs)["colour"]
    ours = body["facet_results"]["colour"]
    assert set(ours) == set(theirs)
    assert {key: ours[key] for key in ("name", "type", "truncated", "hideable")} == {
        key: theirs[key] for key in ("name", "type", "truncated", "hideable")
    }
    assert ours["results"] == [
        {
            "value": "red",
            "label": "red",
            "count": 3,
            "toggle_url": f"{PAGE}.json?_facet=colour&year__gt=1985",
            "selected": True,
        }
    ]
    assert [set(each) for each in theirs["results"]] == [set(ours["results"][0])]


async def test_facet_size(ds):
    for text, number, truncated in (("3", 3, True), ("max", 11, False), ("x", 11, False)):
        body = await get_json(ds, PAGE + ".json", _facet="year", _facet_size=text)
        facet = body["facet_results"]["year"]
        assert (len(facet["results"]), facet["truncated"]) == (number, truncated)


async def test_facets_that_cannot_be(serve, ds):
    await check_problem(ds, PAGE + "?_facet=nonsense", 400, "nonsense", "facet")
    forbids = serve(settings={"allow_facet": False})
    await check_problem(forbids, PAGE + "?_facet=colour", 400, "_facet")
    _, text = await shown(forbids, PAGE)
    assert counts(text) == {}
    # BLOBs are no values to count.
    body = await get_json(ds, PAGE + ".json", _facet="picture")
    assert body["facet_results"]["picture"]["results"] == []


async def test_suggested_facets(serve, ds):
    page, text = await shown(ds, PAGE + "?_size=3")
    # Years and titles are all different.
    assert counts(text) == {"colour": {"blue": 6, "red": 5}}
    assert "Counts for all 11 pictures" in text
    assert page.links["red"] == PAGE + "?_size=3&colour=red"
    _, text = await shown(ds, PAGE + "?_size=3&_min=0.9")
    near = [n for n in nearest(1) if cosine(1, n) >= 0.9]
    assert counts(text) == {"colour": dict(Counter(map(COLOURS.get, near)))}
    assert f"Counts for all {len(near)} results" in text
    _, text = await shown(ds, PAGE + "?year__gt=1985")
    assert "Counts for all 7 pictures matching the filters" in text
    _, text = await shown(serve(settings={"suggest_facets": False}), PAGE)
    assert counts(text) == {}


async def test_moments_are_no_suggested_facets(data, ds):
    """Two pictures that were taken in the same second don't make the seconds a facet."""
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("alter table photos add column taken text")
        conn.execute("alter table photos add column day text")
        conn.execute("update photos set day = '2020-02-' || (10 + id % 3)")
        conn.execute("update photos set taken = day || 'T16:35:05'")
    _, text = await shown(ds, PAGE)
    assert list(counts(text)) == ["colour", "day"]


async def test_configured_facets(serve):
    config = {"databases": {"data": {"tables": {"photos": {"facets": ["year", {"date": "x"}]}}}}}
    ds = serve(config=config)
    _, text = await shown(ds, PAGE)
    assert list(counts(text)) == ["year"]
    _, text = await shown(ds, PAGE + "?_facet=colour")
    assert list(counts(text)) == ["colour", "year"]
    assert list((await get_json(ds, PAGE + ".json", _facet="colour"))["facet_results"]) == [
        "colour"
    ]


async def test_facets_of_more_results_than_are_counted_singly(ds, monkeypatch):
    monkeypatch.setattr("datasette_revimg.web.pages.facets.ENUMERATED", 3)
    _, text = await shown(ds, PAGE + "?_min=0.1")
    assert counts(text) == {"colour": {"blue": 6, "red": 5}}
    assert "Counts for all pictures, whatever their similarity" in text


async def test_facets_take_no_longer_than_they_may(serve):
    slow = (
        "id in (with recursive n(i) as (select 1 union all select i + 1 from n limit 400000) "
        "select i from n)"
    )
    ds = serve(settings={"facet_time_limit_ms": 1, "sql_time_limit_ms": 20000})
    query = {"_where": slow, "_facet": "colour"}
    body = await get_json(ds, PAGE + ".json", **query)
    assert body["facets_timed_out"] == ["colour"]
    assert body["facet_results"] == {}
    assert ids(body) == nearest(1)
    _, text = await shown(ds, f"{PAGE}?{urlencode(query)}")
    assert "Counting colour took too long" in text


async def test_labels_of_foreign_keys_only_for_who_may_see_them(data, serve):
    with closing(sqlite3.connect(data)) as conn:
        conn.executescript(
            """
            create table makers (id integer primary key, name text);
            insert into makers values (1, 'Anna Atkins'), (2, 'Niépce');
            alter table photos add column maker integer references makers (id);
            update photos set maker = 1 + id % 2;
            """
        )
    secret = {"databases": {"data": {"tables": {"makers": {"allow": {"id": "ann"}}}}}}
    ds = serve(config=secret)
    for actor, labels in (("ann", ["Anna Atkins", "Niépce"]), ("bob", ["1", "2"])):
        response = await ds.client.get(PAGE + ".json?_facet=maker", cookies=cookies(ds, actor))
        results = response.json()["facet_results"]["maker"]["results"]
        assert [each["label"] for each in results] == labels
        text = (await ds.client.get(PAGE, cookies=cookies(ds, actor))).text
        assert ("Anna Atkins" in text) == (actor == "ann")


async def test_nothing_for_who_may_not_see_the_table(serve):
    config = {"databases": {"data": {"tables": {"photos": {"allow": {"id": "ann"}}}}}}
    ds = serve(config=config)
    for query in ("?_facet=colour", "?_filter_column=colour&_filter_value=red", "?_min=0.8&like=5"):
        for path in (PAGE, PAGE + ".json", "/data/photos/-/similar"):
            response = await ds.client.get(path + query)
            assert response.status_code == 403
            assert "blue" not in response.text
            assert "location" not in response.headers


async def test_threshold(ds):
    near = [n for n in nearest(1) if cosine(1, n) >= 0.8]
    page, text = await shown(ds, PAGE + "?_min=0.8&colour__not=green&_size=200")
    assert f"<h2>All {len(near)} results with score ≥ 0.8</h2>" in text
    page, text = await shown(ds, PAGE + "?_min=0.8&_size=2&like=8&colour__not=green")
    assert re.search(r"<h2>\d+ results with score ≥ 0.8</h2>", text)
    assert "The 2 most similar are shown." in text
    form = page.form("revimg-threshold")
    assert form["fields"] == [
        ("_size", "2"), ("like", "8"), ("colour__not", "green"), ("_min", "0.8")
    ]  # fmt: skip
    assert form["data-count"] == PAGE + ".json?like=8&colour__not=green"
    slider = re.search(r'<input type="range"[^>]+>', text)[0]
    least = float(re.search(r'min="([^"]+)"', slider)[1])
    pairs = sorted(cosine(a, b) for a in ANGLES for b in ANGLES if a < b)
    assert least == pytest.approx(pairs[len(pairs) // 2], abs=0.05)
    _, text = await shown(ds, PAGE + "?_min=80%25")
    assert "more similar than 80 % of all pairs</h2>" in text
    _, text = await shown(ds, PAGE)
    assert "results with" not in text
    assert "most similar are shown" not in text


async def test_threshold_in_the_json(ds):
    body = await get_json(ds, PAGE + ".json", _min=0.8, _size=1)
    assert body["minimum"]["score"] == 0.8
    percentile = body["minimum"]["percentile"]
    pairs = [cosine(a, b) for a in ANGLES for b in ANGLES if a < b]
    assert percentile == pytest.approx(100 * sum(p < 0.8 for p in pairs) / len(pairs), abs=2.6)
    body = await get_json(ds, PAGE + ".json", _min="80%")
    assert body["minimum"]["percentile"] == pytest.approx(80)
    assert body["minimum"]["score"] == pytest.approx(
        sorted(pairs)[round(0.8 * (len(pairs) - 1))], abs=0.05
    )


async def test_page_stays_small(data, serve):
    """24 results of a table of 100 rows, with everything around them."""
    with closing(sqlite3.connect(data)) as conn:
        conn.execute("create table many (id integer primary key, kind text, picture blob)")
        rows = [(n, f"kind {n % 9}", png(n)) for n in range(1, 101)]
        conn.executemany("insert into many values (?, ?, ?)", rows)
        conn.commit()
        source = tables.find(conn, "many")
        record = EmbeddedTable(
            table_name="many",
            column_name="picture",
            kind="blob",
            base_dir=None,
            model="vgg16-rmac",
            weights_sha256="0" * 64,
            dimension=DIMENSION,
            preprocessing="x",
        )
        writing.prepare(conn, source, record, labels=False)
        like = decoding.decode(png(1))
        entries = [
            Embedding((n,), vector(1.7 * n), b"hash", like.thumbnail, like.width, like.height)
            for n, _, _ in rows
        ]
        writing.write(conn, source, entries, [])
        assert upkeep.rebuild(conn, source)
        upkeep.finish(conn, source)
    ds = serve()
    for query in ("", "?like=5&like=6&unlike=9&_min=-1&kind__not=x&id__gt=1"):
        text = (await ds.client.get(f"/data/many/1/-/similar{query}")).text
        assert text.count('aria-label="More like') == 24
        size = len(text.encode())
        print(f"{size:,} bytes of HTML{query}")
        assert size <= 60_000


@pytest.mark.parametrize("path", ["/data/awkward/50~25/-/similar", "/data/keyless/1/-/similar"])
async def test_keys_of_all_kinds(serve, path):
    ds = serve(settings={"num_sql_threads": 0})
    body = await get_json(
        ds, path + ".json", _min=0.5, _facet="rowid" if "keyless" in path else "name"
    )
    (facet,) = body["facet_results"].values()
    names = [row["row"].get("name", row["row"].get("rowid")) for row in body["rows"]]
    assert sorted(each["value"] for each in facet["results"]) == sorted(names)
    body = await get_json(ds, "/data/pairs/1,b~2F1/-/similar.json", _min=0.5, _facet="a")
    assert {each["value"] for each in body["facet_results"]["a"]["results"]} == {
        row["row"]["a"] for row in body["rows"]
    }


async def test_answer_to_an_upload(scenes_db, serve):
    ds = serve(scenes_db)
    path = "/scenes/photos/-/similar"
    query = "?colour__not=green&_min=-1&like=5&_facet=colour"
    query += "&_filter_column=id&_filter_op=lt&_filter_value=9"
    files = {"image": ("x.jpg", saved(scene(3)), "image/jpeg")}
    response = await ds.client.post(path + query, files=files)
    assert response.status_code == 200, response.text
    page = Page(response.text)
    kept = "?colour__not=green&_min=-1&like=5&_facet=colour&id__lt=9"
    assert page.links["More like Scene 3"] == f"{path}{kept}&like=3"
    assert page.links["Less like Scene 3"] == f"{path}{kept}&unlike=3"
    assert page.links["Remove more like Scene 5"] == f"{path}{kept.replace('&like=5', '')}"
    assert page.links["Remove your picture"] == (
        f"/scenes/photos/5/-/similar{kept.replace('&like=5', '')}"
    )
    # What only a script can send again isn't offered without one.
    assert re.search(r'class="revimg-columns [^"]*revimg-sent', response.text)
    assert "data-count" not in page.form("revimg-threshold")
    response = await ds.client.post(
        path + ".json" + query, files={"image": ("x.jpg", saved(scene(3)), "image/jpeg")}
    )
    body = response.json()
    assert sorted(ids(body)) == [1, 2, 3, 4, 6, 7, 8]
    results = body["facet_results"]["colour"]["results"]
    assert sum(each["count"] for each in results) == len(body["rows"])
    assert all(each["toggle_url"].startswith(path + ".json?") for each in results)


async def test_example_of_the_readme(tmp_path, serve):
    """Its facets, of a database like its reader's."""
    (example,) = blocks("json", "facets")
    file = tmp_path / "photos.db"
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("create table photos (path text primary key, width integer, picture blob)")
        names = ["beach.jpg", "dune.jpg", "forest.jpg", "harbour.jpg"]
        conn.executemany(
            "insert into photos values (?, 200, ?)", [(name, png(1)) for name in names]
        )
        conn.commit()
        embed(conn, "photos", "picture", {n: (name,) for n, name in enumerate(names, 1)})
    body = await get_json(serve(file), "/photos/photos/beach~2Ejpg/-/similar.json", _facet="width")
    expected = json.loads(example)
    assert {name: body[name] for name in expected} == expected
