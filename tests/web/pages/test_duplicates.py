"""The page of duplicates: its groups, its filters, and decisions by those who may."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.store import decisions, duplicates, reading, tables
from datasette_revimg.store.decisions import DIFFERENT, SAME
from datasette_revimg.store.duplicates import Member
from kit.asking import check_problem, cookies, get_json

pytestmark = pytest.mark.asyncio

PATH = "/data/photos/-/duplicates"


@pytest.fixture
def grouped(data):
    """Three groups: 1 and 2 similar, 3 the best of 4 and 5, and 6 and 7 edited copies."""
    groups = {1: {3: None, 4: "same picture", 5: "edited copy"}, 2: {1: None, 2: "similar"}}
    groups[3] = {6: None, 7: "edited copy"}
    with closing(sqlite3.connect(data)) as conn:
        source = tables.find(conn, "photos")
        hashes = dict(reading.content_hashes(conn, source))
        members = [
            Member(
                group=group,
                key=(key,),
                content_hash=hashes[key,],
                score=0.5 if tier else 1.0,
                tier=tier or "same file",
                best=tier is None,
                reasons="most pixels (60 × 40)" if tier is None else "fewer pixels (40 × 60)",
            )
            for group, rows in groups.items()
            for key, tier in rows.items()
        ]
        duplicates.write(conn, source, members)
        conn.execute("delete from _revimg_photos_decisions")
        conn.commit()
    return hashes


@pytest.fixture
def served(serve):
    """A Datasette whose user root is the one of the command line's --root."""
    ds = serve()
    ds.root_enabled = True
    return ds


def groups_of(body):
    return [[row["row"]["id"] for row in group["rows"]] for group in body["groups"]]


async def post(ds, fields, actor="root", path=PATH, **headers):
    """Send a decision."""
    body = "&".join(f"{name}={value}" for name, value in fields)
    headers = {"content-type": "application/x-www-form-urlencoded", **headers}
    signed_in = cookies(ds, actor) if actor else {}
    return await ds.client.post(path, content=body, cookies=signed_in, headers=headers)


async def test_groups_of_rows_the_best_first(grouped, served):
    body = await get_json(served, f"{PATH}.json")
    assert groups_of(body) == [[3, 4, 5], [1, 2], [6, 7]]
    assert (body["groups_count"], body["rows_count"], body["next_url"]) == (3, 7, None)
    best, second = body["groups"][0]["rows"][:2]
    assert (best["best"], best["reasons"]) == (True, "most pixels (60 × 40)")
    assert (second["best"], second["score"], second["tier"]) == (False, 0.5, "same picture")
    assert second["thumbnail_url"] == "/data/photos/4/-/thumbnail"
    page = (await served.client.get(PATH)).text
    assert "3 groups of 7 rows" in page
    assert page.index("Group 1: 3 rows") < page.index("Group 2: 2 rows")
    assert "<strong>Best</strong>" in page
    assert "<strong>same picture, 0.5000</strong>" in page
    # A column that differs, and what is known of the picture.
    assert "<dt>year</dt> <dd>1984</dd>" in page
    assert "<dt>pixels</dt> <dd>60 × 40</dd>" in page
    assert "/data/photos/4/-/compare?with=3" in page
    # Titles are others' text.
    assert "<script>alert" not in page


async def test_csv(grouped, served):
    response = await served.client.get(f"{PATH}.csv?_tier=same-picture")
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [(row["group"], row["id"], row["best"], row["tier"]) for row in rows] == [
        ("1", "3", "1", "same file"),
        ("1", "4", "0", "same picture"),
    ]


async def test_tiers_filters_and_pages(grouped, served):
    async def groups(query):
        return groups_of(await get_json(served, f"{PATH}.json{query}"))

    assert await groups("?_tier=edited-copy") == [[3, 4, 5], [6, 7]]
    assert await groups("?_tier=same-picture") == [[3, 4]]
    assert await groups("?_tier=same-file") == []
    # The odd ones are red.
    assert await groups("?colour=red") == [[3, 5]]
    assert await groups("?year__gt=1984") == [[6, 7]]
    first = await get_json(served, f"{PATH}.json?_size=2&colour__in=red,blue")
    assert groups_of(first) == [[3, 4, 5], [1, 2]]
    second = await get_json(served, first["next_url"])
    assert groups_of(second) == [[6, 7]]
    page = (await served.client.get(f"{PATH}?_size=1&_offset=1")).text
    assert "groups 2 to 2" in page
    assert 'rel="prev"' in page
    assert 'rel="next"' in page


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        (f"{PATH}?_tier=sure", 400, "same-picture"),
        (f"{PATH}?_offset=-1", 400, "_offset"),
        (f"{PATH}?_size=0", 400, "_size"),
        (f"{PATH}?nonsense=1", 400, "nonsense"),
        ("/data/plain/-/duplicates", 404, "plain"),
    ],
)
async def test_what_cannot_be_shown(served, path, status, word):
    await check_problem(served, path, status, word)


async def test_where_nobody_has_looked(data, served):
    with closing(sqlite3.connect(data)) as conn:
        conn.execute("drop table _revimg_photos_duplicates")
    page = (await served.client.get(PATH)).text
    assert "datasette revimg duplicates data.db photos" in page
    assert (await get_json(served, f"{PATH}.json"))["groups"] == []


async def test_rows_that_are_gone_or_changed(data, grouped, served):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("delete from photos where id = 1")
        conn.execute("update _revimg_photos set content_hash = x'00' where id = 4")
    assert groups_of(await get_json(served, f"{PATH}.json")) == [[3, 5], [6, 7]]


async def test_the_best_row_is_gone(data, grouped, served):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute("delete from photos where id = 3")
    (group, *_) = (await get_json(served, f"{PATH}.json"))["groups"]
    assert [(row["row"]["id"], row["best"]) for row in group["rows"]] == [(4, True), (5, False)]
    assert group["rows"][0]["reasons"] == "a better one is gone"


@pytest.mark.parametrize(
    "damage", ["score = 'x'", "tier = 7", "reasons = null", "best = 2", "content_hash = 5"]
)
async def test_damaged_rows_are_left_out(data, grouped, served, damage):
    with closing(sqlite3.connect(data)) as conn, conn:
        conn.execute(f"update _revimg_photos_duplicates set {damage} where id = 7")
    assert groups_of(await get_json(served, f"{PATH}.json")) == [[3, 4, 5], [1, 2]]
    assert (await served.client.get(PATH)).status_code == 200


async def test_the_menu(served):
    assert PATH in (await served.client.get("/data/photos")).text
    assert "/-/duplicates" not in (await served.client.get("/data/plain")).text


async def test_not_a_duplicate(data, grouped, served):
    response = await post(served, [("different", "4"), ("row", "3"), ("row", "4"), ("row", "5")])
    assert response.status_code == 303, response.text
    assert response.headers["location"] == PATH
    assert groups_of(await get_json(served, f"{PATH}.json"))[0] == [3, 5]
    with closing(sqlite3.connect(data)) as conn:
        stored = conn.execute("select decision, keep, actor from _revimg_photos_decisions")
        assert stored.fetchall() == [(DIFFERENT, None, "root")] * 2
        pairs = {one.pair for one in decisions.read(conn, "photos")}
    assert pairs == {decisions.ordered(grouped[4,], grouped[other,]) for other in (3, 5)}
    await post(served, [("undo", "4"), ("row", "3"), ("row", "5")], path=f"{PATH}.json")
    assert groups_of(await get_json(served, f"{PATH}.json"))[0] == [3, 4, 5]


async def test_keep(data, grouped, served):
    response = await post(
        served, [("keep", "7"), ("row", "6"), ("row", "7")], path=f"{PATH}.json?_size=2"
    )
    assert response.status_code == 200
    assert response.json()["decided_pairs"] == 1
    assert groups_of(await get_json(served, f"{PATH}.json")) == [[3, 4, 5], [1, 2]]
    decided = await get_json(served, f"{PATH}.json?_decided=1")
    assert groups_of(decided) == [[7, 6]]
    assert decided["groups"][0]["rows"][0]["reasons"] == "chosen by hand"
    with closing(sqlite3.connect(data)) as conn:
        (one,) = decisions.read(conn, "photos")
    assert (one.decision, one.keep) == (SAME, grouped[7,])
    page = (await served.client.get(PATH)).text
    assert "1 decided group" in page


async def test_who_may_decide(grouped, serve):
    allowed = {"databases": {"data": {"permissions": {"revimg-decide": {"id": "bob"}}}}}
    fields = [("different", "2"), ("row", "1")]
    for config, actor, status in (
        (None, None, 403),
        (None, "bob", 403),
        (allowed, "ann", 403),
        (allowed, None, 403),
        (allowed, "bob", 303),
    ):
        ds = serve(config=config)
        response = await post(ds, fields, actor)
        assert response.status_code == status, (actor, response.text)
        signed_in = cookies(ds, actor) if actor else {}
        page = (await ds.client.get(PATH, cookies=signed_in)).text
        assert ("Not a duplicate" in page) is (status == 303)


async def test_no_other_site_decides(grouped, served):
    fields = [("different", "2"), ("row", "1")]
    for headers in ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
        response = await post(served, fields, path=f"{PATH}.json", **headers)
        assert response.status_code == 403
    assert groups_of(await get_json(served, f"{PATH}.json"))[1] == [1, 2]


async def test_an_immutable_database(data, grouped, serve):
    ds = serve(immutables=[str(data)])
    ds.root_enabled = True
    page = (await ds.client.get(PATH, cookies=cookies(ds, "root"))).text
    assert "Not a duplicate" not in page
    assert f"{PATH}.csv" in page
    response = await post(ds, [("different", "2"), ("row", "1")], path=f"{PATH}.json")
    assert response.status_code == 403
    assert "immutable" in response.text


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ([], 400, "send one of"),
        ([("keep", "1"), ("different", "1"), ("row", "2")], 400, "send one of"),
        ([("keep", "99"), ("row", "2")], 404, "99"),
        ([("keep", "13"), ("row", "2")], 404, "no picture"),
        ([("keep", "1"), ("row", "99")], 400, "gone"),
        ([("different", "1"), ("row", "1")], 400, "gone"),
        ([("keep", "1,2"), ("row", "2")], 404, "1, 2"),
        ([("keep", "1"), ("row", "x" * 70_000)], 413, "too many"),
    ],
)
async def test_bad_decisions(data, grouped, served, fields, status, word):
    response = await post(served, fields, path=f"{PATH}.json")
    assert response.status_code == status, response.text
    assert word in response.json()["error"]
    with closing(sqlite3.connect(data)) as conn:
        assert decisions.read(conn, "photos") == []


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_decision_in_another_format(grouped, served, kind):
    response = await post(served, [], path=f"{PATH}.json", **{"content-type": kind})
    assert response.status_code == 400
    assert "x-www-form-urlencoded" in response.json()["error"]
