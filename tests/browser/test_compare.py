"""The page of two pictures in a real browser: the keys, the line, why, and without any script."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from kit.server import TIMEOUT, fits, follow, serving

WIDE, NARROW = 1440, 390


@pytest.fixture(scope="module")
def server(scenes_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the scenes without the file of row in/2.jpg; yield the address."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(scenes_built.parent, folder, dirs_exist_ok=True)
    (folder / "in" / "2.jpg").unlink()
    file = folder / scenes_built.name
    with closing(sqlite3.connect(file)) as conn, conn:
        # A tall one beside the wide ones: shown as its row says.
        conn.execute("update _revimg_photos_thumbnails set width = 240, height = 320 where id = 7")
    with serving(file) as address:
        yield address


def opened(browser: Browser, width: int = WIDE, **options: object) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    page.set_default_timeout(TIMEOUT)
    return page


@pytest.fixture(params=[360, NARROW, WIDE, 3840])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    return [box for each in page.locator(selector).all() if (box := each.bounding_box())]


def pair(page: Page, server: str, a: int = 1, b: int = 2, more: str = "") -> None:
    page.goto(f"{server}/scenes/photos/{a}/-/compare?with={b}{more}")


def test_two_pictures(page: Page, server: str) -> None:
    """Beside each other, as high as each other, on one line; below each other on a phone."""
    pair(page, server, 1, 7)
    fits(page, "compare-pair")
    first, second = boxes(page, ".revimg-picture")
    if page.viewport_size and page.viewport_size["width"] < 640:
        assert second["y"] > first["y"] + first["height"]
        assert first["x"] == pytest.approx(second["x"], abs=1)
    else:
        assert second["x"] > first["x"] + first["width"]
        assert first["height"] == pytest.approx(second["height"], abs=1)
        assert first["y"] == pytest.approx(second["y"], abs=1)
    assert first["width"] / first["height"] == pytest.approx(4 / 3, rel=0.01)
    assert second["width"] / second["height"] == pytest.approx(3 / 4, rel=0.01)


def test_nothing_moves_when_the_pictures_arrive(browser: Browser, server: str) -> None:
    page = opened(browser)
    held = []
    page.route(re.compile("/-/(picture|thumbnail)$"), lambda route: held.append(route))
    page.goto(f"{server}/scenes/photos/1/-/compare?with=2", wait_until="domcontentloaded")
    page.locator(".revimg-modes").wait_for()
    before = boxes(page, ".revimg-box, .revimg-differences")
    assert held
    # Lets go of them.
    page.unroute_all()
    fits(page)
    assert boxes(page, ".revimg-box, .revimg-differences") == before
    page.close()


def test_arrows_and_escape(browser: Browser, server: str) -> None:
    page = opened(browser)
    page.goto(f"{server}/scenes/photos/1/-/similar")
    follow(page.locator(".revimg-results a", has_text="Compare").first)
    start = page.url
    page.keyboard.press("ArrowLeft")
    assert page.url == start
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != start)
    assert "2 of 12" in page.locator(".revimg-steps").inner_text()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(start)
    assert "1 of 12" in page.locator(".revimg-steps").inner_text()
    # With other keys they are the browser's.
    page.keyboard.press("Control+ArrowRight")
    assert page.url == start
    page.keyboard.press("Escape")
    page.wait_for_url("**/scenes/photos/1/-/similar")
    page.close()


def wiped(page: Page) -> float:
    return float(page.locator(".revimg-wipe").input_value())


def seen(page: Page, share: float) -> str:
    """Whose picture is at this share of the stage's width, half-way up."""
    box = boxes(page, ".revimg-box")[0]
    found = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y)?.closest('.revimg-box')?.className",
        [box["x"] + share * box["width"], box["y"] + box["height"] / 2],
    )
    return re.search(r"revimg-box-(.)", found)[1] if found else ""


def test_swipe(page: Page, server: str) -> None:
    pair(page, server)
    assert not page.locator(".revimg-wipe").is_visible()
    page.get_by_role("button", name="Swipe").click()
    fits(page, "compare-swipe")
    first, second = boxes(page, ".revimg-box")
    assert first == second
    assert (seen(page, 0.4), seen(page, 0.6)) == ("a", "b")
    # With the mouse, anywhere on the pictures,
    y = first["y"] + first["height"] / 2
    page.mouse.move(first["x"] + first["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(first["x"] + first["width"] * 0.8, y)
    page.mouse.up()
    assert wiped(page) == pytest.approx(80, abs=1)
    assert (seen(page, 0.7), seen(page, 0.9)) == ("a", "b")
    page.mouse.move(first["x"] + first["width"] * 0.2, y)
    assert wiped(page) == pytest.approx(80, abs=1)
    # beyond their edge,
    page.mouse.move(first["x"] + first["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(first["x"] - 5, y + first["height"])
    page.mouse.up()
    assert wiped(page) == 0
    # and with the keys, which don't turn the page then.
    address = page.url
    page.locator(".revimg-wipe").focus()
    page.keyboard.press("End")
    assert wiped(page) == 100
    page.keyboard.press("ArrowLeft")
    assert 80 < wiped(page) < 100
    assert page.url == address
    page.get_by_role("button", name="Side by side").click()
    assert not page.locator(".revimg-wipe").is_visible()
    first, second = boxes(page, ".revimg-box")
    assert first != second


def test_swipe_by_touch(browser: Browser, server: str) -> None:
    page = opened(browser, NARROW, has_touch=True, is_mobile=True)
    pair(page, server, more="#swipe")
    box = boxes(page, ".revimg-box")[0]
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    expect(page.locator(".revimg-wipe")).to_have_value(re.compile("^2[456]"))
    assert not page.locator(".revimg-keys").is_visible()
    page.close()


def test_the_way_of_looking_stays(browser: Browser, server: str) -> None:
    """From pair to pair, and across a reload."""
    page = opened(browser)
    pair(page, server)
    page.get_by_role("button", name="Swipe").click()
    page.get_by_role("link", name="Show why").click()
    follow(
        page.get_by_role("link", name="Previous").or_(page.get_by_role("link", name="Next")).first
    )
    assert page.url.endswith("_why=1#swipe")
    assert page.get_by_role("button", name="Swipe").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("link", name="Hide why").is_visible()
    page.reload()
    assert page.locator(".revimg-wipe").is_visible()
    page.close()


def test_why(page: Page, server: str) -> None:
    pair(page, server)
    assert not page.locator(".revimg-legend").is_visible()
    page.get_by_role("link", name="Show why").click()
    page.locator(".revimg-heat").first.wait_for()
    fits(page, "compare-why")
    # Exactly over the pictures.
    assert boxes(page, ".revimg-heat") == boxes(page, ".revimg-picture")
    assert page.locator(".revimg-legend").is_visible()
    expect(page).to_have_url(re.compile("&_why=1$"))
    page.get_by_role("link", name="Hide why").click()
    expect(page.locator(".revimg-heat:visible")).to_have_count(0)
    expect(page).to_have_url(re.compile("with=2$"))
    assert page.locator(".revimg-status").inner_text() == ""


def test_why_that_fails_says_why(browser: Browser, server: str) -> None:
    """As does the picture itself, which is shown small."""
    page = opened(browser)
    page.goto(f"{server}/scenes/files/in~2F1~2Ejpg/-/compare?with=in~2F2~2Ejpg&_why=1")
    page.wait_for_function(
        "document.querySelector('.revimg-status').textContent.includes('moved, deleted')"
    )
    assert boxes(page, ".revimg-heat") == []
    page.wait_for_function(
        "[...document.querySelectorAll('.revimg-picture')].every(i => i.naturalWidth)"
    )
    sources = [image.get_attribute("src") for image in page.locator(".revimg-picture").all()]
    assert sources[0].endswith("/-/picture")
    assert sources[1].endswith("in~2F2~2Ejpg/-/thumbnail")
    page.close()


def test_without_scripts(browser: Browser, server: str) -> None:
    page = opened(browser, java_script_enabled=False)
    pair(page, server)
    first, second = boxes(page, ".revimg-picture")
    assert second["x"] > first["x"] + first["width"]
    # Nothing is offered that needs them.
    for selector in (".revimg-modes", ".revimg-wipe", ".revimg-keys"):
        assert not page.locator(selector).is_visible()
    assert page.locator(".revimg-differs").count() == 3
    follow(page.get_by_role("link", name="Show why"))
    assert page.url.endswith("&_why=1")
    assert boxes(page, ".revimg-heat") == boxes(page, ".revimg-picture")
    follow(page.get_by_role("link", name="Hide why"))
    assert page.url.endswith("with=2")
    assert boxes(page, ".revimg-heat") == []
    follow(
        page.get_by_role("link", name="Next").or_(page.get_by_role("link", name="Previous")).first
    )
    assert not page.url.endswith("with=2")
    follow(page.get_by_role("link", name="Find similar to Scene 1", exact=True))
    assert page.url == f"{server}/scenes/photos/1/-/similar"
    page.close()


def test_what_differs_is_told_without_colours(browser: Browser, server: str) -> None:
    page = opened(browser)
    pair(page, server, 1, 3)
    rows = page.locator(".revimg-differences tbody tr").all()
    told = {
        row.locator("th").inner_text().split()[0]: row.get_by_label("differs").count()
        for row in rows
    }
    assert told == {"id": 1, "title": 1, "colour": 0}
    page.close()
