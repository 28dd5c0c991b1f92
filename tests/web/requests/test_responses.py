"""Long JSON is written beside the event loop, where it would keep everybody waiting."""

from __future__ import annotations

import json
import threading

import pytest

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
