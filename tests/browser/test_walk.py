"""In a real browser, against a real server: from the table to a similar picture, and on."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from kit.geometry import ANGLES, cosine, nearest
from kit.server import fits, follow


@pytest.fixture(params=[360, 390, 1440, 3840])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_from_the_table_to_a_similar_picture_and_on(page: Page, server: str) -> None:
    page.goto(f"{server}/data/photos")
    fits(page, "table")
    follow(page.get_by_role("link", name="Find similar").first)

    assert urlsplit(page.url).path == "/data/photos/1/-/similar"
    _shows(page, 1)
    fits(page, "similar")

    follow(page.locator(".revimg-results li a:has(img)").first)
    assert urlsplit(page.url).path == f"/data/photos/{nearest(1)[0]}/-/similar"
    _shows(page, nearest(1)[0])

    follow(page.locator(".revimg-results .revimg-label a").first)
    assert urlsplit(page.url).path == f"/data/photos/{nearest(nearest(1)[0])[0]}"
    follow(page.get_by_role("link", name="Find similar", exact=True))
    assert urlsplit(page.url).path.endswith("/-/similar")


def _shows(page: Page, number: int) -> None:
    assert page.get_by_role("heading", level=1).inner_text() == f"Similar to Picture {number}"
    reference = page.locator(".revimg-query img")
    assert reference.get_attribute("src") == f"/data/photos/{number}/-/thumbnail"
    shown = [picture.get_attribute("src") for picture in page.locator(".revimg-results img").all()]
    assert shown == [f"/data/photos/{other}/-/thumbnail" for other in nearest(number)]
    scores = [text.split()[0] for text in page.locator(".revimg-score").all_inner_texts()]
    assert scores == [f"{cosine(number, other):.4f}" for other in nearest(number)]
    assert len(scores) == len(ANGLES) - 1


def test_filters_can_be_removed(page: Page, server: str) -> None:
    page.goto(f"{server}/data/photos/1/-/similar?colour=red&_min=0.1")
    expected = [n for n in nearest(1) if n % 2 and cosine(1, n) >= 0.1]
    assert page.locator(".revimg-score").count() == len(expected)
    fits(page, "filters")
    follow(page.get_by_role("link", name='Remove the filter colour = "red"'))
    assert urlsplit(page.url).query == "_min=0.1"
    follow(page.get_by_role("link", name="Remove the filter cosine"))
    assert urlsplit(page.url).query == ""
    assert page.locator(".revimg-score").count() == len(ANGLES) - 1


def test_reference_stays_beside_the_pictures_where_there_is_room(
    browser: Browser, server: str
) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 500})
    page.goto(f"{server}/data/photos/1/-/similar")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    box = page.locator(".revimg-query img").bounding_box()
    page.close()
    assert box
    assert 0 <= box["y"] < 500


def test_row_without_a_vector(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{server}/data/plain/1/-/similar")
    assert "not embedded" in page.get_by_role("heading", level=1).inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    follow(page.get_by_role("link", name="Back to plain"))
    assert page.url == f"{server}/data/plain"
    page.close()


def test_keyboard(browser: Browser, server: str) -> None:
    """What has the focus can be seen, and Enter goes on."""
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(f"{server}/data/photos/1/-/similar")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.revimg-results .revimg-frame')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/data/photos/{nearest(1)[0]}/-/similar")
    page.close()
