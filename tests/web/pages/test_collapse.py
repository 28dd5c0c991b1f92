"""Links to a row's duplicates, and results of which only one of each group is shown."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.store import decisions, duplicates, reading, tables
from datasette_revimg.store.decisions import DIFFERENT, Decision
from datasette_revimg.store.duplicates import Member
from kit.asking import check_problem, get_json, ids
from kit.geometry import ANGLES, cosine, nearest
from kit.uploads import PAGE as UPLOAD
from kit.uploads import form, part, post

pytestmark = pytest.mark.asyncio

PAGE = "/data/photos/1/-/similar"

# The best row of each group first. From row 1 on, 8 is nearest, and 6 nearer than 5.
GROUPS = [[1, 3], [4, 8, 2], [5, 6]]
COLLAPSED = [8, 3, 6, 10, 12, 9, 11, 7]


def write(file, table, groups):
    with closing(sqlite3.connect(file)) as conn:
        source = tables.find(conn, table)
        hashes = dict(reading.content_hashes(conn, source))
        members = [
            Member(group, (row,), hashes[row,], 0.9, "edited copy", row == rows[0], "why")
            for group, rows in enumerate(groups, start=1)
            for row in rows
        ]
        duplicates.write(conn, source, members)
        conn.execute(f"delete from _revimg_{table}_decisions")
        conn.commit()
        return hashes


@pytest.fixture
def grouped(data):
    return write(data, "photos", GROUPS)


async def test_the_most_similar_of_each_group(grouped, ds):
    body = await get_json(ds, f"{PAGE}.json", _collapse=1)
    assert ids(body) == COLLAPSED
    assert body["collapsed"] is True
    # All were compared.
    assert body["filtered_table_rows_count"] == len(ANGLES) - 1
    counts = {row["row"]["id"]: row["duplicates"] for row in body["rows"]}
    assert counts == dict.fromkeys(COLLAPSED, 0) | {8: 2, 3: 1, 6: 1}
    assert body["rows"][0]["duplicates_url"] == "/data/photos/-/duplicates?_row=8"
    assert body["rows"][-1]["duplicates_url"] is None
    for size in (1, 2, 3, 8):
        assert ids(await get_json(ds, f"{PAGE}.json", _collapse=1, _size=size)) == COLLAPSED[:size]


async def test_without_the_parameter_all_are_there(grouped, ds):
    body = await get_json(ds, f"{PAGE}.json")
    assert ids(body) == nearest(1)
    assert "collapsed" not in body
    assert {row["row"]["id"]: row["duplicates"] for row in body["rows"]}[2] == 2


async def test_with_filters_a_threshold_and_facets(grouped, ds):
    # Of 4, 8 and 2, only 2 and 4 were taken before 1985.
    found = await get_json(ds, f"{PAGE}.json", _collapse=1, year__lt=1985)
    assert ids(found) == [3, 2]
    lowest = cosine(1, 5) - 0.001
    found = await get_json(ds, f"{PAGE}.json", _collapse=1, _min=lowest, _facet="colour", _size=2)
    assert ids(found) == [8, 3]
    # Facets count rows, whether they are shown or not: 8, 6 and 10 are blue, 3 and 5 red.
    assert found["filtered_table_rows_count"] == 5
    counts = {each["value"]: each["count"] for each in found["facet_results"]["colour"]["results"]}
    assert counts == {"blue": 3, "red": 2}


async def test_decisions_count(grouped, ds, data):
    with closing(sqlite3.connect(data)) as conn:
        pair = [Decision(grouped[4,], grouped[8,], DIFFERENT)]
        decisions.record(conn, "photos", pair, "root")
    body = await get_json(ds, f"{PAGE}.json", _collapse=1)
    assert ids(body) == [8, 3, 6, 10, 12, 9, 2, 11, 7]


async def test_the_page(grouped, ds):
    page = (await ds.client.get(PAGE)).text
    assert f'<a href="{PAGE}?_collapse=1">Collapse duplicates</a>' in page
    link = '<a href="/data/photos/-/duplicates?_row=8" aria-label="2 duplicates of Picture 8">'
    assert f"{link}2 duplicates</a>" in page
    # The row's own.
    assert '<a href="/data/photos/-/duplicates?_row=1">1 duplicate</a>' in page
    page = (await ds.client.get(f"{PAGE}?_collapse=1&_size=3")).text
    assert f'<a href="{PAGE}?_size=3">Show all duplicates</a>' in page
    assert re.search(r'\?_collapse=1&amp;_size=6">Show 6<', page)
    # It is kept from picture to picture, and with other filters.
    assert "/data/photos/8/-/similar?_collapse=1&amp;_size=3" in page
    assert '<input type="hidden" name="_collapse" value="1">' in page
    # There are no more than these.
    assert ">Show" not in (await ds.client.get(f"{PAGE}?_collapse=1&_size=9")).text.replace(
        ">Show all duplicates", ""
    )
    page = (await ds.client.get(f"{PAGE}?_collapse=1&_min=0.9&_size=2")).text
    assert "5 results with score ≥ 0.9" in page
    assert "2 are shown, one for each group of duplicates." in page


async def test_no_duplicates_among_the_results(grouped, ds):
    page = (await ds.client.get(f"{PAGE}?id__in=10,12")).text
    assert "Collapse duplicates" not in page


async def test_a_table_whose_duplicates_nobody_has_looked_for(data, serve):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("drop table _revimg_photos_duplicates")
    ds = serve()
    body = await get_json(ds, f"{PAGE}.json", _collapse=1)
    assert ids(body) == nearest(1)
    assert body["collapsed"] is False
    page = (await ds.client.get(f"{PAGE}?_collapse=1")).text
    assert "Nothing is collapsed: nobody has looked for duplicates in photos yet." in page
    assert '<a href="/data/photos/-/duplicates">Find duplicates</a>' in page
    assert "Nothing is collapsed" not in (await ds.client.get(PAGE)).text


async def test_search_by_image(scenes_db, serve):
    picture = 3
    with closing(sqlite3.connect(scenes_db)) as conn:
        (stored,) = conn.execute("select picture from photos where id = ?", [picture]).fetchone()
        conn.execute(
            "create table _revimg_photos_decisions "
            "(a text, b text, decision text, keep text, actor text, at text, primary key (a, b))"
        )
        conn.commit()
    write(scenes_db, "photos", [[1, 2, 3, 4, 5, 6]])
    ds = serve(scenes_db)
    every = (await post(ds, form(part(stored)), UPLOAD + ".json?_size=13")).json()
    order = ids(every)
    assert order[0] == picture
    body = (await post(ds, form(part(stored)), UPLOAD + ".json?_size=5&_collapse=1")).json()
    assert ids(body) == [row for row in order if row == picture or row > 6][:5]
    assert body["rows"][0]["duplicates"] == 5
    page = (await post(ds, form(part(stored)), UPLOAD + "?_collapse=1")).text
    assert "5 duplicates</a>" in page


async def test_the_group_of_one_row(grouped, ds, data):
    path = "/data/photos/-/duplicates"

    async def groups(**parameters):
        body = await get_json(ds, f"{path}.json", **parameters)
        return [[row["row"]["id"] for row in group["rows"]] for group in body["groups"]]

    assert await groups(_row=2) == [[4, 2, 8]]
    assert await groups(_row=10) == []
    page = (await ds.client.get(f"{path}?_row=2")).text
    assert "duplicates of 2" in page
    assert "1 group of 3 rows" in page
    page = (await ds.client.get(f"{path}?_row=10")).text
    assert "This row has no duplicates." in page
    await check_problem(ds, f"{path}?_row=99", 400, "_row", "99")
    # It is shown whether it is decided or not, without a row that is none.
    with closing(sqlite3.connect(data)) as conn:
        different = [Decision(grouped[4,], grouped[2,], DIFFERENT)]
        decisions.record(conn, "photos", different, "root")
        kept = [Decision(grouped[4,], grouped[8,], decisions.SAME, keep=grouped[4,])]
        decisions.record(conn, "photos", kept, "root")
    assert await groups(_row=8) == [[4, 8]]
    assert await groups(_row=2) == []
    assert await groups() == [[1, 3], [5, 6]]
