"""The page of similar pictures, its JSON, and the thumbnails."""

from __future__ import annotations

import asyncio
import html
import io
import json
import re
import sqlite3
import threading
from contextlib import closing
from urllib.parse import urlencode

import pytest
from datasette.utils import tilde_encode
from PIL import Image

from datasette_revimg.search import similar
from kit import vector_tables
from kit.asking import check_problem, get_json, ids
from kit.geometry import ANGLES, AWKWARD, DAMAGED, NO_PICTURE, cosine, nearest, png, share_below

pytestmark = pytest.mark.asyncio

PAGE = "/data/photos/1/-/similar"


async def test_percentiles(ds):
    body = await get_json(ds, PAGE + ".json")
    for row in body["rows"]:
        # Of 66 pairs each is 1.5 %, and every percent is kept.
        expected = share_below(cosine(1, row["row"]["id"]))
        assert row["percentile"] == pytest.approx(expected, abs=2.6)
    page = (await ds.client.get(PAGE + "?_size=1")).text
    assert re.search(r'title="More similar than [\d.]+ % of all pairs in photos"', page)


async def test_minimum_as_a_percentile(ds):
    body = await get_json(ds, PAGE + ".json", _min="80%")
    assert {n for n in nearest(1) if share_below(cosine(1, n)) > 82} <= set(ids(body))
    assert all(share_below(cosine(1, n)) > 78 for n in ids(body))
    assert body["filtered_table_rows_count"] == len(body["rows"])
    page = (await ds.client.get(PAGE + "?_min=80%25")).text
    assert "more similar than 80 % of all pairs" in page
    # As people type it.
    assert "more similar than 80 % of all pairs" in (await ds.client.get(PAGE + "?_min=80%")).text


async def test_best_first_with_their_cosines(ds):
    body = await get_json(ds, PAGE + ".json")
    assert ids(body) == nearest(1)
    for row in body["rows"]:
        assert row["score"] == pytest.approx(cosine(1, row["row"]["id"]), abs=1e-6)


async def test_json_shape(ds):
    body = await get_json(ds, PAGE + ".json", _size=1)
    assert body.pop("ms") >= 0
    assert body.pop("rows") == [
        {
            "score": pytest.approx(cosine(1, 8), abs=1e-6),
            "percentile": pytest.approx(share_below(cosine(1, 8)), abs=2),
            "tier": None,
            "row": {"id": 8, "title": "Picture 8", "colour": "blue", "year": 1988},
            "url": "/data/photos/8",
            "similar_url": "/data/photos/8/-/similar",
            "thumbnail_url": "/data/photos/8/-/thumbnail",
            "duplicates": 0,
            "duplicates_url": None,
        }
    ]
    assert body == {
        "ok": True,
        "database": "data",
        "table": "photos",
        "model": "vgg16-rmac",
        "query": {
            "row": {"id": 1, "title": "Picture 1", "colour": "red", "year": 1981},
            "url": "/data/photos/1",
            "thumbnail_url": "/data/photos/1/-/thumbnail",
            "like": [],
            "unlike": [],
        },
        "filtered_table_rows_count": len(ANGLES) - 1,
        "count_truncated": False,
    }


async def test_other_shapes(ds):
    objects = await get_json(ds, PAGE + ".json", _size=2, _shape="objects")
    rows = await get_json(ds, PAGE + ".json", _size=2, _shape="array")
    assert rows == objects["rows"]
    arrays = await get_json(ds, PAGE + ".json", _size=2, _shape="arrays")
    assert arrays["columns"] == [
        "score", "percentile", "tier", "id", "title", "colour", "year",
        "url", "similar_url", "thumbnail_url", "duplicates", "duplicates_url",
    ]  # fmt: skip
    assert arrays["rows"] == [
        [
            row["score"],
            row["percentile"],
            row["tier"],
            *row["row"].values(),
            row["url"],
            row["similar_url"],
            row["thumbnail_url"],
            row["duplicates"],
            row["duplicates_url"],
        ]
        for row in rows
    ]
    await check_problem(ds, PAGE + "?_shape=circle", 400, "_shape", "circle")


async def test_size(serve, ds):
    assert len((await get_json(ds, PAGE + ".json", _size=3))["rows"]) == 3
    body = await get_json(
        serve(config={"plugins": {"datasette-revimg": {"size": 4}}}), PAGE + ".json"
    )
    assert ids(body) == nearest(1)[:4]
    assert body["filtered_table_rows_count"] == len(ANGLES) - 1


@pytest.mark.parametrize(
    "text", ["0", "201", "-1", "x", "", "1.5", "٣", "9" * 5000, "0000000019999"]
)
async def test_bad_size(ds, text):
    await check_problem(ds, f"{PAGE}?_size={text}", 400, "_size")


async def test_minimum(ds):
    body = await get_json(ds, PAGE + ".json", _min=0.9, _size=2)
    assert ids(body) == nearest(1)[:2]
    assert body["filtered_table_rows_count"] == sum(cosine(1, n) >= 0.9 for n in nearest(1))


@pytest.mark.parametrize(
    "text", ["1.1", "-2", "nan", "inf", "much", "", "101%", "-1%", "nan%", "%"]
)
async def test_bad_minimum(ds, text):
    await check_problem(ds, f"{PAGE}?_min={text}", 400, "_min")


@pytest.mark.parametrize(
    ("parameters", "chosen"),
    [
        ({"colour": "red"}, lambda n: n % 2 == 1),
        ({"colour__not": "red"}, lambda n: n % 2 == 0),
        ({"year__gte": "1986"}, lambda n: n >= 6),
        ({"year__gt": "1983", "year__lte": "1990"}, lambda n: 3 < n <= 10),
        ({"id__in": "2,3,5"}, lambda n: n in (2, 3, 5)),
        ({"title__contains": "re 1"}, lambda n: str(n)[0] == "1"),
        ({"colour": "red", "year__in": '["1985", "1986"]'}, lambda n: n == 5),
        ({"_where": "year % 3 = 0 or id = 5"}, lambda n: (1980 + n) % 3 == 0 or n == 5),
        ({"_where": "id > 3 -- not", "colour": "red"}, lambda n: n > 3 and n % 2 == 1),
        ({"_where": ["id > 3", "id < 9"]}, lambda n: 3 < n < 9),
        ({"colour": "green"}, lambda n: False),
        ({"_sort": "year", "_facet": "colour", "_nl": "on"}, lambda n: True),
    ],
)
async def test_filters_are_those_of_the_table_page(ds, parameters, chosen):
    body = await get_json(ds, PAGE + ".json", **parameters)
    assert ids(body) == [number for number in nearest(1) if chosen(number)]
    assert body["filtered_table_rows_count"] == len(body["rows"])


async def test_search_and_through(data, serve):
    conn = sqlite3.connect(data)
    conn.executescript(
        """
        create virtual table photos_fts using fts5(title, content="photos", content_rowid="id");
        insert into photos_fts (rowid, title) select id, title from photos;
        create table tags (photo integer references photos (id), tag text);
        insert into tags values (2, 'cat'), (5, 'cat'), (6, 'dog');
        """
    )
    conn.close()
    ds = serve()
    assert ids(await get_json(ds, PAGE + ".json", _search="10")) == [10]
    through = json.dumps({"table": "tags", "column": "tag", "value": "cat"})
    assert ids(await get_json(ds, PAGE + ".json", _through=through)) == [5, 2]
    await check_problem(ds, PAGE + "?_through=nonsense", 400, "JSON")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("nonsense=1", ["nonsense"]),
        ("nonsense__gt=1", ["nonsense"]),
        ("year__nonsense=1", ["nonsense"]),
        ("_nonsense__exact=1", ["_nonsense"]),
        ("year__gt=99999999999999999999", ["too large"]),
        ("_through=[1]", ["JSON"]),
        ('_through={"table":["x"],"column":"tag","value":"cat"}', []),
        ("&".join(["like=2"] * 51), ["51", "50"]),
        ("&".join(["year__gt=2"] * 101), ["101", "100"]),
        # Each card of a page repeats it several times.
        ("_x=" + "%C3%A9" * 10_000, ["60,003", "8,192"]),
        ("year__in=[1", ["JSON"]),
        ("_where=nonsense+%3D+1", ["nonsense"]),
        ("_where=%29+or+1+or+%281+%3B", ["SQL"]),
        ("_where=id+%3D+%3Aabsent", ["SQL"]),
        ("_where=embedding+is+not+null", ["embedding"]),
    ],
)
async def test_filters_that_cannot_be(ds, query, words):
    await check_problem(ds, f"{PAGE}?{query}", 400, *words)


async def test_where_needs_the_permission_to_run_sql(serve):
    ds = serve(config={"allow_sql": {"id": "ann"}})
    await check_problem(ds, PAGE + "?_where=1", 403, "_where")
    assert ids(await get_json(ds, PAGE + ".json", colour="red")) == [
        number for number in nearest(1) if number % 2
    ]


async def test_where_without_end_is_stopped(serve):
    ds = serve(settings={"sql_time_limit_ms": 100})
    endless = (
        "id in (with recursive n(i) as (select 1 union all select i + 1 from n) select i from n)"
    )
    await check_problem(ds, f"{PAGE}?{urlencode({'_where': endless})}", 400, "too long")


async def test_like_and_unlike(ds):
    # Between 0° and 100°: at 50°.
    body = await get_json(ds, PAGE + ".json", like="7")
    others = [number for number in ANGLES if number not in (1, 7)]
    assert ids(body) == sorted(others, key=lambda n: abs(ANGLES[n] - 50))
    assert body["query"]["like"] == ["7"]
    # Away from the side where all others are.
    body = await get_json(ds, PAGE + ".json", unlike=["2", "4"])
    assert ids(body) == [number for number in nearest(1) if number not in (2, 4)]
    assert body["rows"][0]["score"] < cosine(1, 8)
    assert body["query"]["unlike"] == ["2", "4"]


async def test_like_takes_rows_as_their_addresses_name_them(ds):
    row = tilde_encode(AWKWARD[4])
    path = f"/data/awkward/{tilde_encode(AWKWARD[1])}/-/similar.json"
    body = await get_json(ds, path, like=row)
    assert body["query"]["like"] == [row]
    assert AWKWARD[4] not in [each["row"]["name"] for each in body["rows"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [("99", "99"), ("1,2", "1, 2"), ("", "no row"), (str(NO_PICTURE), "no picture")],
)
@pytest.mark.parametrize("parameter", ["like", "unlike"])
async def test_like_of_unknown_rows(ds, parameter, row, reason):
    await check_problem(ds, f"{PAGE}?{parameter}={row}", 400, parameter, reason)


@pytest.mark.parametrize("number", AWKWARD)
async def test_awkward_keys(ds, number):
    path = f"/data/awkward/{tilde_encode(AWKWARD[number])}/-/"
    body = await get_json(ds, path + "similar.json")
    assert [row["row"]["name"] for row in body["rows"]] == [
        AWKWARD[other] for other in nearest(number, AWKWARD)
    ]
    page = await ds.client.get(path + "similar")
    for row in body["rows"]:
        assert f'href="{row["similar_url"]}"' in page.text
        assert (await ds.client.get(row["url"])).status_code == 200
        assert (await ds.client.get(row["similar_url"])).status_code == 200
        thumbnail = await ds.client.get(row["thumbnail_url"])
        assert thumbnail.headers["content-type"] == "image/webp"


async def test_compound_and_missing_keys(ds):
    body = await get_json(ds, "/data/pairs/1,b~2F1/-/similar.json", like="5,b~2F5")
    # Between 0° and 25°, with 9° and 16° on either side.
    assert [row["row"]["a"] for row in body["rows"][:2]] in ([6, 10], [10, 6])
    assert {row["row"]["b"] for row in body["rows"][:2]} == {"b/6", "b/10"}
    assert body["query"]["like"] == ["5,b~2F5"]
    body = await get_json(ds, "/data/keyless/1/-/similar.json")
    assert [row["row"]["rowid"] for row in body["rows"]] == nearest(1)
    assert body["rows"][0]["url"] == "/data/keyless/8"
    await check_problem(ds, "/data/pairs/1/-/similar", 404, "no row")


async def test_what_is_not_there(ds):
    await check_problem(ds, "/absent/photos/1/-/similar", 404, "absent")
    await check_problem(ds, "/data/absent/1/-/similar", 404, "absent")
    await check_problem(ds, "/data/photos/99/-/similar", 404, "99")
    await check_problem(ds, "/data/photos/1,2/-/similar", 404, "1, 2")
    await check_problem(ds, f"/data/photos/{NO_PICTURE}/-/similar", 404, "no picture")
    await check_problem(ds, f"/data/photos/{DAMAGED}/-/similar", 404, "damaged picture: truncated")
    page = await check_problem(ds, "/data/plain/1/-/similar", 404, "not embedded")
    assert "datasette revimg embed data.db plain" in page
    assert '<a href="/data/plain">' in page
    page = await check_problem(ds, "/data/artists/1/-/similar", 404, "artists has no pictures")
    assert "datasette revimg embed" not in page
    assert '<a href="/data/artists">' in page


async def test_rows_that_are_gone(data, ds):
    conn = sqlite3.connect(data)
    conn.execute("delete from photos where id = 8")
    conn.commit()
    conn.close()
    assert ids(await get_json(ds, PAGE + ".json")) == [n for n in nearest(1) if n != 8]
    await check_problem(ds, "/data/photos/8/-/similar", 404, "no row 8")
    assert (await ds.client.get("/data/photos/8/-/thumbnail")).status_code == 404


async def test_only_get_and_head(ds):
    for path in (PAGE, "/data/photos/1/-/thumbnail"):
        head = await ds.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        refused = await ds.client.delete(path)
        assert refused.status_code == 405
        assert refused.headers["allow"] == "GET, HEAD"
    # 0.65 refuses what has no token before us.
    assert (await ds.client.post(PAGE)).status_code in (403, 405)
    assert (await ds.client.put(PAGE + ".json")).status_code in (403, 405)


async def test_page(ds):
    page = (await ds.client.get(PAGE + "?_size=3")).text
    assert "<script>alert" not in page
    assert "<title>data: photos: similar to Picture 1</title>" in page
    assert re.findall(r'class="revimg-score">([^<]+) <', page) == [
        f"{cosine(1, number):.4f}" for number in nearest(1)[:3]
    ]
    pictures = re.findall(r'<img src="([^"]+)" alt="([^"]*)" width="(\d+)" height="(\d+)"', page)
    assert [html.unescape(alt) for _, alt, _, _ in pictures] == [
        "Picture 1", "Picture 8", "<script>alert('title')</script>", "Picture 6"
    ]  # fmt: skip
    assert pictures[0] == ("/data/photos/1/-/thumbnail", "Picture 1", "80", "120")
    assert pictures[1][2:] == ("120", "80")
    assert page.count('loading="lazy"') == 3
    assert "11 pictures compared" in page
    assert f'{PAGE}?_size=6">Show 6</a>' in page
    assert f'<a href="{PAGE}.json?_size=3">JSON</a>' in page
    for crumb in ('<a href="/data">data</a>', '<a href="/data/photos">photos</a>'):
        assert crumb in page


async def test_page_shows_its_filters_and_how_to_remove_them(ds):
    query = "colour=red&year__gt=1981&_min=-0.5&_where=id+%3C+12&like=5&_size=2"
    page = html.unescape((await ds.client.get(f"{PAGE}?{query}")).text)
    chips = re.findall(r'<li><span>(.+?)</span> <a href="([^"]+)"', page)
    assert [text for text, _ in chips] == [
        'colour = "red"', "year > 1981", "id < 12", "cosine ≥ -0.5"
    ]  # fmt: skip
    assert chips[0][1] == PAGE + "?year__gt=1981&_min=-0.5&_where=id+%3C+12&like=5&_size=2"
    assert f'<a href="{PAGE}?like=5&_size=2">Remove all filters</a>' in page
    # The filters stay when one goes on to another picture, the examples don't.
    on = "/-/similar?colour=red&year__gt=1981&_min=-0.5&_where=id+%3C+12&_size=2"
    assert page.count(f'{on}" title="Find similar"') == 2
    empty = html.unescape((await ds.client.get(PAGE + "?colour=green")).text)
    assert "No picture meets these filters" in empty


async def test_page_shows_the_columns_that_were_asked_for(serve):
    config = {"plugins": {"datasette-revimg": {"similar_columns": ["year", "title", "absent"]}}}
    page = (await serve(config=config).client.get(PAGE + "?_size=1")).text
    assert "<dt>year</dt> <dd>1988</dd>" in page
    assert "absent" not in page


async def test_label_without_a_column_for_it(ds):
    page = (await ds.client.get("/data/keyless/1/-/similar?_size=1")).text
    assert "Similar to word 1" in page
    page = (await ds.client.get("/data/pairs/1,b~2F1/-/similar?_size=1")).text
    assert "Similar to 1, b/1" in page
    page = (await ds.client.get("/data/files/in~2F1~2Epng/-/similar?_size=1")).text
    assert "Similar to 1.png" in page


async def test_label_tells_rows_apart(data, serve):
    """A column that says the same of several rows names none of them."""
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("update keyless set words = 'classic' where rowid > 2")
    page = (await serve().client.get("/data/keyless/1/-/similar")).text
    assert "Similar to 1<" in page
    assert "classic" not in re.findall(r'alt="([^"]+)"', page)
    assert "classic" not in re.findall(r'class="revimg-label"><a [^>]+>([^<]+)<', page)


async def test_base_url(serve):
    ds = serve(settings={"base_url": "/prefix/"})
    body = await get_json(ds, PAGE + ".json", _size=1)
    assert body["rows"][0]["url"] == "/prefix/data/photos/8"
    assert body["rows"][0]["similar_url"] == "/prefix/data/photos/8/-/similar"
    assert body["query"]["thumbnail_url"] == "/prefix/data/photos/1/-/thumbnail"
    for path in (PAGE + "?colour=red", "/data/photos", "/data/photos/1"):
        page = (await ds.client.get(path)).text
        ours = re.findall(
            r'(?:href|src)="([^"]*(?:/-/similar|/-/thumbnail|revimg\.css)[^"]*)"', page
        )
        assert ours
        assert all(url.startswith("/prefix/") and "/prefix/prefix" not in url for url in ours)


async def test_immutable_database(data, serve):
    ds = serve(immutables=[str(data)])
    assert ids(await get_json(ds, PAGE + ".json")) == nearest(1)


async def test_without_threads(serve):
    ds = serve(settings={"num_sql_threads": 0})
    assert ids(await get_json(ds, PAGE + ".json", colour="red"))
    assert (await ds.client.get("/data/photos")).status_code == 200


async def test_odd_names(data, tmp_path, serve):
    odd = tmp_path / "my.photos & co.db"
    data.rename(odd)
    conn = sqlite3.connect(odd)
    conn.execute('create table "a/b.c ~" as select * from photos')
    conn.close()
    ds = serve(odd)
    database = tilde_encode("my.photos & co")
    body = await get_json(ds, f"/{database}/photos/1/-/similar.json", _size=1)
    assert body["rows"][0]["url"] == f"/{database}/photos/8"
    await check_problem(
        ds, f"/{database}/{tilde_encode('a/b.c ~')}/1/-/similar", 404, "a/b.c ~", "not embedded"
    )
    page = await ds.client.get(f"/{database}/{tilde_encode('a/b.c ~')}/1/-/similar")
    assert "embed &#39;my.photos &amp; co.db&#39; &#39;a/b.c ~&#39;" in page.text


async def test_database_that_is_locked(data, ds, monkeypatch):
    # SQLite's own error, without the five seconds that Datasette's connections wait for it.
    with closing(sqlite3.connect(data)) as holder, closing(sqlite3.connect(data, 0)) as other:
        holder.execute("begin exclusive")
        with pytest.raises(sqlite3.OperationalError) as error:
            other.execute("select * from photos")

    def fail(*_):
        raise error.value

    monkeypatch.setattr(similar, "answer", fail)
    await check_problem(ds, PAGE, 503, "locked")


async def test_database_that_is_damaged(data, ds):
    assert (await ds.client.get(PAGE)).status_code == 200
    with data.open("r+b") as file:
        file.write(b"no database any more" * 1000)
    await check_problem(ds, PAGE, 500, "can’t be read")


async def test_thumbnail(ds):
    response = await ds.client.get("/data/photos/2/-/thumbnail")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "private" in response.headers["cache-control"]
    with Image.open(io.BytesIO(response.content)) as shown, Image.open(io.BytesIO(png(2))) as made:
        assert shown.format == "WEBP"
        assert shown.size == made.size
    tag = response.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await ds.client.get("/data/photos/2/-/thumbnail", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = await ds.client.get("/data/photos/3/-/thumbnail", headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert other.headers["etag"] != tag


@pytest.mark.parametrize("row", ["99", str(NO_PICTURE), "1,2"])
async def test_no_thumbnail(ds, row):
    assert (await ds.client.get(f"/data/photos/{row}/-/thumbnail")).status_code == 404


async def test_cors(serve):
    response = await serve(cors=True).client.get(PAGE + ".json")
    assert response.headers["access-control-allow-origin"] == "*"


async def test_the_page_says_where_it_ends(serve, tmp_path):
    file = tmp_path / "many.db"
    with closing(vector_tables.photos(path=file)) as conn:
        vector_tables.add(conn, vector_tables.numbered(vector_tables.features(231)))
    page = "/many/photos/0/-/similar"
    ds = serve(file)
    last = (await ds.client.get(f"{page}?_size=200")).text
    assert "These are the 200 most similar of 230 pictures" in last
    assert "Show " not in last
    for query in ("_size=100", "_size=200&colour=red"):
        assert "this page shows no more" not in (await ds.client.get(f"{page}?{query}")).text


async def test_searches_leave_room_for_other_pages(ds, monkeypatch):
    """Eight searches that read every vector kept thumbnails waiting for 15 seconds."""
    go, begun, answer = threading.Event(), [], similar.answer

    def slow(*arguments):
        begun.append(1)
        assert go.wait(60)
        return answer(*arguments)

    monkeypatch.setattr(similar, "answer", slow)
    asked = [asyncio.create_task(ds.client.get(f"/data/photos/{n}/-/similar")) for n in range(1, 9)]
    try:
        while len(begun) < 2:
            await asyncio.sleep(0.01)
        thumbnail = ds.client.get("/data/photos/1/-/thumbnail")
        assert (await asyncio.wait_for(thumbnail, 30)).status_code == 200
    finally:
        go.set()
    assert {(await each).status_code for each in asked} == {200}
