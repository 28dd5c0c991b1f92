"""More and less like a result, the filters and the threshold, in a real browser."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from kit import upload_page
from kit.geometry import ANGLES, cosine, nearest
from kit.server import fits, follow

PATH = "/data/photos/1/-/similar"


def narrow(page: Page) -> None:
    """Open the panel that narrows the results, which is folded away on phones."""
    opener = page.get_by_text("Narrow the results", exact=True)
    panel = page.get_by_role("region", name="Narrow the results")
    if page.viewport_size["width"] < 700:  # type: ignore[index]
        expect(panel).to_be_hidden()
        opener.click()
    else:
        expect(opener).to_be_hidden()
    expect(panel).to_be_visible()


def at_least(score: float) -> list[int]:
    return [number for number in nearest(1) if cosine(1, number) >= score]


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_more_and_less_like_this(page: Page, server: str) -> None:
    page.goto(f"{server}{PATH}?_size=5")
    follow(page.get_by_role("link", name="More like Picture 8"))
    assert query(page) == {"_size": ["5"], "like": ["8"]}
    follow(page.get_by_role("link", name="Less like Picture 6"))
    assert query(page) == {"_size": ["5"], "like": ["8"], "unlike": ["6"]}
    fits(page, "refine-parts")
    parts = page.get_by_role("list", name="Parts of the query").get_by_role("listitem")
    expect(parts).to_have_count(3)
    follow(page.get_by_role("link", name="Remove more like Picture 8"))
    assert query(page) == {"_size": ["5"], "unlike": ["6"]}
    follow(page.get_by_role("link", name="Remove less like Picture 6"))
    expect(parts).to_have_count(0)


def test_form_of_filters(page: Page, server: str) -> None:
    page.goto(f"{server}{PATH}?_size=5&like=8")
    narrow(page)
    page.get_by_label("Column").select_option("year")
    page.get_by_label("Operator").select_option("≥")
    page.get_by_label("Value").fill("1986")
    follow(page.get_by_role("button", name="Apply filters"))
    assert query(page) == {"_size": ["5"], "like": ["8"], "year__gte": ["1986"]}
    narrow(page)
    follow(page.get_by_role("region").get_by_role("link", name="red"))
    assert query(page)["colour"] == ["red"]
    narrow(page)
    fits(page, "refine-filters")
    page.get_by_label("Column").first.select_option(label="remove this filter")
    follow(page.get_by_role("button", name="Apply filters"))
    assert query(page) == {"_size": ["5"], "like": ["8"], "colour": ["red"]}


def test_the_slider_moves_the_count(page: Page, server: str) -> None:
    page.clock.install()
    page.goto(f"{server}{PATH}")
    narrow(page)
    slider = page.get_by_label("Minimum similarity")
    box = slider.bounding_box()
    assert box
    before = page.locator(".revimg-results").bounding_box()
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    middle = box["y"] + box["height"] / 2
    # All these steps within a moment, however long it takes here.
    page.clock.pause_at(time.time() + 3600)
    page.mouse.move(box["x"] + 8, middle)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + box["width"] * step / 10, middle)
    value = float(slider.input_value())
    page.clock.resume()
    expected = at_least(value)
    assert 0 < len(expected) < len(ANGLES) - 1
    count = page.locator(".revimg-output [aria-live=polite]")
    expect(count).to_have_text(f"{len(expected)} picture{'s' if len(expected) > 1 else ''}")
    expect(page.locator(".revimg-output")).to_contain_text(f"≥ {value:.3f}")
    expect(page.locator(".revimg-output")).to_contain_text(" %")
    # One question for all these steps, and nothing has moved.
    assert len(asked) == 1
    assert "_size=1" in asked[0]
    assert ".json" in asked[0]
    assert page.locator(".revimg-results").bounding_box() == before
    page.mouse.up()
    page.wait_for_url("**_min=**")
    assert float(query(page)["_min"][0]) == pytest.approx(value)
    heading = page.locator(".revimg-results h2")
    expect(heading).to_contain_text(f"with score ≥ {value:g}")
    assert page.locator(".revimg-score").count() == len(expected)


def test_the_slider_with_the_keyboard(page: Page, server: str) -> None:
    page.goto(f"{server}{PATH}?_min=0.9&colour=blue")
    narrow(page)
    page.get_by_label("Minimum similarity").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    value = float(page.get_by_label("Minimum similarity").input_value())
    assert value < 0.9
    expected = [number for number in at_least(value) if number % 2 == 0]
    count = page.locator(".revimg-output [aria-live=polite]")
    expect(count).to_have_text(f"{len(expected)} picture{'s' if len(expected) > 1 else ''}")
    # Keys move it only; Enter goes there.
    assert query(page)["_min"] == ["0.9"]
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "_min=0.9&" not in url and "_min=" in url)
    assert query(page)["colour"] == ["blue"]
    assert page.locator(".revimg-score").count() == len(expected)


def test_without_scripts(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, java_script_enabled=False)
    page.goto(f"{server}{PATH}")
    page.get_by_label("Minimum similarity").fill("0.9")
    follow(page.get_by_role("button", name="Apply", exact=True))
    assert query(page) == {"_min": ["0.9"]}
    assert page.locator(".revimg-score").count() == len(at_least(0.9))
    page.close()


def test_a_picture_is_sent_again(browser: Browser, scenes_server: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    page.goto(scenes_server + upload_page.PATH)
    upload_page.choose(page, upload_page.picture(3))
    upload_page.shows(page, 3)
    page.get_by_role("link", name="Less like Scene 5", exact=True).click()
    parts = page.get_by_role("list", name="Parts of the query").get_by_role("listitem")
    expect(parts).to_have_count(2)
    posted = [urlsplit(each.url).query for each in sent if each.method == "POST"]
    assert posted == ["", "unlike=5"]
    # The forms, too.
    page.get_by_label("Column").select_option("id")
    page.get_by_label("Operator").select_option("<")
    page.get_by_label("Value").fill("4")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.locator(".revimg-score")).to_have_count(3)
    page.get_by_role("link", name="Remove less like Scene 5").click()
    expect(parts).to_have_count(0)
    expect(page.locator(".revimg-score")).to_have_count(3)
    assert [each.method for each in sent if "/-/similar" in each.url].count("POST") == 4
    page.close()


def test_no_control_is_clipped(page: Page, server: str, width: int) -> None:
    """Whatever rules Datasette has for forms, and though the panel is higher than the window."""
    page.set_viewport_size({"width": width, "height": 660})
    page.goto(f"{server}{PATH}?colour=red&year__gte=1900&_facet=colour")
    narrow(page)
    side = page.locator(".revimg-query")
    assert side.evaluate("side => side.scrollHeight <= side.clientHeight")
    slider = page.get_by_label("Minimum similarity").bounding_box()
    column = page.get_by_label("Column").first.bounding_box()
    assert slider
    assert column
    for value in page.get_by_label("Value").all():
        box = value.bounding_box()
        assert box
        # A grid's columns may be a fraction of a pixel off.
        assert box["width"] == pytest.approx(slider["width"], abs=1)
        assert box["height"] == pytest.approx(column["height"], abs=1)
    # Scrolled as far as the panel goes, its end is in the window, and stays there.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("button", name="Apply filters")).to_be_visible()
    if width > 700:
        expect(page.get_by_role("button", name="Apply filters")).to_be_in_viewport()
