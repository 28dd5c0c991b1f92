"""Requests to a Datasette in the test's own process, signed in or not."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlencode

import datasette as datasette_package
from datasette.app import Datasette

IS_1 = not datasette_package.__version__.startswith("0.")


def cookies(datasette: Datasette, actor: str) -> dict[str, str]:
    """Return the cookies of an actor who has signed in."""
    return {"ds_actor": datasette.sign({"a": {"id": actor}}, "actor")}


async def get_json(ds: Datasette, path: str, **parameters: Any) -> Any:
    """Return the JSON at a path, which must answer with 200."""
    query = "?" + urlencode(parameters, doseq=True) if parameters else ""
    response = await ds.client.get(path + query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/json")
    return response.json()


async def check_problem(ds: Datasette, path: str, status: int, *words: str) -> str:
    """Check that a page and its JSON answer with this status and sentence; return the page.

    The sentence, the same in both, contains all the ``words``.
    """
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
    """Return the ids of the rows of an answer, in their order."""
    return [row["row"]["id"] for row in body["rows"]]
