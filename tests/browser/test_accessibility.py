"""axe-core finds nothing to complain about on our pages: WCAG 2.0 to 2.2, A and AA."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from kit.pages import DATASETTES, PAGES, load, use

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Datasette has no dark theme in either version, so people who want one write a stylesheet.
DARK = """
    html, body { background: #16181b; color: #e4e6e8; }
    header.hd, footer.ft { background: #000; }
    /* On phones Datasette draws every row as a white card. */
    .rows-and-columns tr { background: #16181b !important; }
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe(browser: Browser, scenes_server: str, name: str, theme: str) -> None:
    page = browser.new_page(
        base_url=scenes_server,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": 1440, "height": 900},
        reduced_motion="reduce",
    )
    load(page, name)
    use(page, name)
    if theme == "dark":
        page.add_style_tag(content=DARK)
    assert page.title()
    ours = [".revimg-cell"] if name in DATASETTES else [".revimg"]
    found = []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        results = Axe().run(
            page, {"include": ours}, {"runOnly": RULES, "resultTypes": ["violations"]}
        )
        if results.violations_count:
            found.append(f"{width} px: {results.generate_report()}")
        # It has looked at something.
        assert results.response["passes"]
    page.close()
    assert not found, "\n".join(found)
