"""The page of duplicates in a real browser: keys, buttons without any script, accessibility."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from kit.asking import IS_1
from kit.server import follow, serving, watched

PATH = "/data/photos/-/duplicates"

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def deciding(data: Path, tmp_path: Path) -> Iterator[str]:
    """Serve a copy of the vectors at known angles, where everybody may decide."""
    settings = tmp_path / "settings.json"
    allowed = {"databases": {"data": {"permissions": {"revimg-decide": True}}}}
    settings.write_text(json.dumps(allowed))
    with serving(data, "--config" if IS_1 else "--metadata", settings) as address:
        yield address


def test_keys(browser: Browser, deciding: str) -> None:
    with watched(browser, deciding, 1440) as page:
        page.goto(PATH)
        copies = page.locator(".revimg-group li")
        expect(copies).to_have_count(2)
        expect(page.get_by_text("next and previous picture")).to_be_visible()
        page.keyboard.press("j")
        expect(copies.nth(0)).to_be_focused()
        page.keyboard.press("j")
        expect(copies.nth(1)).to_be_focused()
        page.keyboard.press("j")
        expect(copies.nth(1)).to_be_focused()
        page.keyboard.press("k")
        expect(copies.nth(0)).to_be_focused()
        page.keyboard.press("j")
        with page.expect_event("load"):
            page.keyboard.press(" ")
        expect(page).to_have_url(f"{deciding}/data/photos/2/-/compare?with=1")
        page.goto(PATH)
        page.keyboard.press("j")
        with page.expect_event("load"):
            page.keyboard.press("x")
        expect(page.get_by_text("There are no duplicates in photos")).to_be_visible()
        expect(copies).to_have_count(0)


def test_buttons_without_scripts(browser: Browser, deciding: str) -> None:
    with watched(browser, deciding, 390, java_script_enabled=False) as page:
        page.goto(PATH)
        expect(page.get_by_text("next and previous picture")).to_be_hidden()
        follow(page.locator("button[name=keep]").nth(1))
        expect(page.locator(".revimg-group")).to_have_count(0)
        follow(page.get_by_role("link", name="1 decided group"))
        expect(page.locator(".revimg-best .revimg-why")).to_have_text("chosen by hand")
        follow(page.get_by_role("button", name="Undo"))
        page.goto(PATH)
        expect(page.locator(".revimg-group li")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe(browser: Browser, deciding: str, scheme: str) -> None:
    for width in (1440, 390):
        with watched(browser, deciding, width, color_scheme=scheme) as page:
            page.goto(PATH)
            if scheme == "dark":
                page.add_style_tag(content="html, body { background: #16181b; color: #e4e6e8 }")
            results = Axe().run(
                page, {"include": [".revimg"]}, {"runOnly": RULES, "resultTypes": ["violations"]}
            )
            assert not results.violations_count, results.generate_report()
            assert results.response["passes"]
