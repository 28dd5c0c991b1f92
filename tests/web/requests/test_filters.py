"""Filters of rows: the SQL that people write runs within Datasette's own time limit."""

from __future__ import annotations

import itertools
from urllib.parse import urlencode

import pytest
from datasette import hookimpl
from datasette.plugins import pm

from datasette_revimg.store import reading
from kit.asking import get_json
from kit.geometry import nearest

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("only_pca")]

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


class Counting:
    """A plugin whose SQL function ``times()`` returns how often it was called."""

    __name__ = "counting"

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    @hookimpl
    def prepare_connection(self, conn):
        conn.create_function("times", 0, lambda: next(self.numbers))


@pytest.fixture
def counting():
    plugin = Counting()
    pm.register(plugin, name="counting")
    yield plugin
    pm.unregister(name="counting")


@pytest.mark.parametrize(
    "address",
    [
        "1/-/similar.json",
        "1/-/similar.json?_min=0.1&_facet=colour",
        "-/matrix.json",
        "-/matrix.png",
        "-/map.json",
        "-/map-data",
    ],
)
async def test_a_condition_that_is_quick_only_once_holds_up_nobody(
    serve, counting, monkeypatch, address
):
    # A search has 30 seconds, which would be as many for anybody who may write a condition.
    monkeypatch.setattr("datasette_revimg.web.requests.reading.SEARCH_SECONDS", 1.0)
    ds = serve(settings={"sql_time_limit_ms": 200})
    once = f"iif((select times()) = 1, 1, ({ENDLESS}))"
    query = urlencode({"_where": once})
    response = await ds.client.get(f"/data/photos/{address}{'&' if '?' in address else '?'}{query}")
    assert response.status_code == 200, response.text


async def test_a_search_may_take_longer_than_its_conditions(serve, monkeypatch):
    """Reading the vectors of many rows isn't the fault of who writes a short condition."""
    ds = serve(settings={"sql_time_limit_ms": 50})
    original = reading.vectors_of

    def slowly(conn, source, keys):
        conn.execute(
            "with recursive n(i) as (select 1 union all select i + 1 from n limit 1000000) "
            "select count(*) from n"
        ).fetchone()
        return original(conn, source, keys)

    monkeypatch.setattr(reading, "vectors_of", slowly)
    body = await get_json(ds, "/data/photos/1/-/similar.json", colour="red")
    assert [row["row"]["id"] for row in body["rows"]] == [n for n in nearest(1) if n % 2]
