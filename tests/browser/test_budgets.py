"""What a page may cost: no other host, no complaint, nothing that moves, little JavaScript."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage

import datasette_revimg
from kit.pages import DATASETTES, PAGES, load, use

# 40,000 until the page of duplicates came with its keys.
JAVASCRIPT_BYTES = 42_000

# The sum of layout shifts that Chromium reports, as in https://web.dev/articles/cls, where 0.1 is
# called good.
LAYOUT_SHIFT = 0.02

OBSERVE = """
    window.moved = [];
    new PerformanceObserver((list) => moved.push(...list.getEntries()))
        .observe({ type: "layout-shift", buffered: true });
"""
MOVED = """
    moved.filter((entry) => !entry.hadRecentInput).reduce((sum, entry) => sum + entry.value, 0)
"""


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_page(browser: Browser, scenes_server: str, name: str, width: int) -> None:
    page = browser.new_page(base_url=scenes_server, viewport={"width": width, "height": 900})
    complaints: list[str] = []
    hosts: set[str] = set()

    def said(message: ConsoleMessage) -> None:
        # Chromium reports the status of the page that tells about a problem.
        if not (name == "problem" and message.location["url"] == page.url):
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
    page.add_init_script(OBSERVE)
    load(page, name)
    moved = page.evaluate(MOVED)
    use(page, name)
    images = page.locator(".revimg img, .revimg-cell img").count()
    sticks_out = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.close()
    assert complaints == []
    # Pictures made on the page have addresses without a host.
    assert hosts - {""} == {urlsplit(scenes_server).netloc}
    assert moved < LAYOUT_SHIFT
    assert images or name in ("problem", "upload", "map", "diagnostics")
    assert name in DATASETTES or sticks_out <= 0


def test_all_javascript_is_little() -> None:
    scripts = list((Path(datasette_revimg.__file__).parent / "web" / "static").rglob("*.js"))
    assert scripts
    assert sum(script.stat().st_size for script in scripts) <= JAVASCRIPT_BYTES
