"""Ask a Datasette of the test's own process, as somebody or as nobody."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlencode

import datasette as datasette_package
from datasette.app import Datasette

IS_1 = not datasette_package.__version__.startswith("0.")


def cookies(datasette: Datasette, actor: str) -> dict[str, str]:
    """The cookies of somebody who has signed in."""
    return {"ds_actor": datasette.sign({"a": {"id": actor}}, "actor")}


async def found(ds: Datasette, path: str, **parameters: Any) -> Any:
    """The JSON of an address, which must be there."""
    query = "?" + urlencode(parameters, doseq=True) if parameters else ""
    response = await ds.client.get(path + query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/json")
    return response.json()


async def problem(ds: Datasette, path: str, status: int, *words: str) -> str:
    """A page and its JSON must answer with this status, and the same sentence, which has these
    words; the page."""
    name, _, query = path.partition("?")
    response = await ds.client.get(f"{name}.json?{query}")
    assert response.status_code == status, response.text
    body = response.json()
    assert body == {
        "ok": False,
        "error": body["error"],
        "errors": [body["error"]],
        "status": status,
    }
    page = await ds.client.get(path)
    assert page.status_code == status
    assert body["error"][1:] in html.unescape(page.text)
    for word in words:
        assert word in body["error"]
    return str(page.text)


def ids(body: dict[str, Any]) -> list[Any]:
    """The ids of the rows, in their order."""
    return [row["row"]["id"] for row in body["rows"]]
