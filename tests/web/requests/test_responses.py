"""Long JSON is written beside the event loop, where it would keep everybody waiting."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from datasette_revimg.web.requests.responses import long_json_response
from kit.geometry import ANGLES

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("only_pca")]


@pytest.mark.parametrize("path", ["map.json", "map-data", "map-data?_places=1", "matrix.json"])
async def test_long_json_is_not_written_on_the_event_loop(ds, monkeypatch, path):
    written: list[str] = []
    loop_thread, dumps = threading.current_thread(), json.dumps

    def noted(value, *arguments, **options):
        text = dumps(value, *arguments, **options)
        if threading.current_thread() is loop_thread:
            written.append(text)
        return text

    monkeypatch.setattr(json, "dumps", noted)
    response = await ds.client.get(f"/data/photos/-/{path}")
    assert response.status_code == 200
    numbers = response.text.count("0.")
    assert numbers >= 2 * len(ANGLES) - 2
    assert not [text for text in written if text.count("0.") > numbers / 2]


async def test_one_long_answer_is_written_at_a_time(ds):
    """The event loop waits for each thread that writes JSON in turn, 5 ms for every one."""
    writing, most = 0, 0

    def write() -> bytes:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        time.sleep(0.01)
        writing -= 1
        return b"{}"

    answers = await asyncio.gather(*(long_json_response(ds, write) for _ in range(8)))
    assert {answer.body for answer in answers} == {b"{}"}
    assert most == 1
