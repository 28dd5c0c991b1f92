"""The matrix and the map in a real browser: by mouse, by finger, by keyboard and without any
JavaScript."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from kit.geometry import ANGLES, cosine
from kit.server import follow, keeps_width

MATRIX, MAP = "/data/photos/-/matrix", "/data/photos/-/map"


@pytest.fixture
def page_options() -> dict[str, Any]:
    return {"reduced_motion": "reduce"}


@pytest.fixture
def page(page: Page) -> Page:
    """Answer in place of the page about the two pictures of a cell: only its address counts."""
    page.route("**/-/compare?*", lambda route: route.fulfill(body="compared"))
    return page


def _canvas(page: Page) -> dict[str, float]:
    page.wait_for_selector(".revimg-zoom")
    canvas = page.locator("#revimg-stage canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    return box


def _cell(page: Page, row: int, column: int) -> tuple[float, float]:
    """The middle of a cell of the whole matrix, on the screen."""
    box = _canvas(page)
    side = min(box["width"], box["height"])
    left = box["x"] + (box["width"] - side) / 2
    top = box["y"] + (box["height"] - side) / 2
    return (
        left + (column + 0.5) * side / len(ANGLES),
        top + (row + 0.5) * side / len(ANGLES),
    )


def _shows(page: Page, row: int, column: int) -> None:
    """These are the rows of the cell that is shown, with their cosine."""
    pictures = page.locator("#revimg-shown img")
    expect(pictures.nth(0)).to_have_attribute("src", f"/data/photos/{row}/-/thumbnail")
    expect(pictures.nth(1)).to_have_attribute("src", f"/data/photos/{column}/-/thumbnail")
    score = float(page.locator("#revimg-shown .revimg-score").inner_text())
    assert score == pytest.approx(cosine(row, column), abs=1e-4)
    expect(page.locator(".revimg-compare-link")).to_have_attribute(
        "href", f"/data/photos/{row}/-/compare?with={column}"
    )


def test_matrix_by_mouse(page: Page) -> None:
    page.goto(f"{MATRIX}?_order=key")
    page.wait_for_selector("#revimg-shown:not([hidden])")
    # The most similar pair first: 1 and 8 are one degree apart.
    _shows(page, 1, 8)
    page.mouse.move(*_cell(page, 4, 6))
    _shows(page, 5, 7)
    assert page.locator("#revimg-shown .revimg-label").all_inner_texts() == [
        "Picture 5",
        "Picture 7",
    ]
    keeps_width(page, "matrix")
    page.mouse.click(*_cell(page, 1, 9))
    page.wait_for_url("**/data/photos/2/-/compare?with=10")


def test_matrix_by_keyboard(page: Page) -> None:
    page.goto(f"{MATRIX}?_order=key")
    page.wait_for_selector("#revimg-shown:not([hidden])")
    page.locator("#revimg-stage canvas").focus()
    page.keyboard.press("ArrowDown")
    _shows(page, 2, 8)
    page.keyboard.press("ArrowLeft")
    _shows(page, 2, 7)
    # At the edge it stays where it is.
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    _shows(page, 1, 7)
    page.keyboard.press("Shift+ArrowDown")
    _shows(page, 11, 7)
    page.keyboard.press("Enter")
    page.wait_for_url("**/data/photos/11/-/compare?with=7")


def test_matrix_is_zoomed_about_the_pointer_and_panned(page: Page) -> None:
    page.goto(f"{MATRIX}?_order=key")
    page.wait_for_selector("#revimg-shown:not([hidden])")
    x, y = _cell(page, 5, 5)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.mouse.move(x + 1, y + 1)
    # What was under the pointer stays there.
    _shows(page, 6, 6)
    page.mouse.down()
    page.mouse.move(x + 150, y + 1, steps=5)
    page.mouse.up()
    # Dragged, not clicked, and the same cell moved along.
    assert urlsplit(page.url).path == MATRIX
    page.mouse.move(x + 152, y + 3)
    _shows(page, 6, 6)
    page.get_by_role("button", name="Show all").click()
    page.mouse.move(*_cell(page, 5, 5))
    _shows(page, 6, 6)
    page.mouse.move(*_cell(page, 0, 11))
    _shows(page, 1, 12)


def test_matrix_has_the_colours_of_its_cosines(page: Page) -> None:
    page.goto(f"{MATRIX}?_order=key")
    page.wait_for_selector("#revimg-shown:not([hidden])")
    colour = """([x, y]) => {
        const canvas = document.querySelector("#revimg-stage canvas");
        const box = canvas.getBoundingClientRect();
        return [...canvas.getContext("2d").getImageData(x - box.x, y - box.y, 1, 1).data];
    }"""
    # Beside the cell that is chosen, whose lines cross the middle of others.
    for row, column, expected in ((2, 2, (253, 231, 37)), (0, 3, (68, 1, 84))):
        x, y = _cell(page, row, column)
        found = page.evaluate(colour, [x + 5, y + 5])
        assert found[:3] == pytest.approx(expected, abs=12)


def test_matrix_by_finger(browser: Browser, server: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 900}, has_touch=True, base_url=server
    )
    page = context.new_page()
    page.route("**/-/compare?*", lambda route: route.fulfill(body="compared"))
    page.goto(f"{MATRIX}?_order=key")
    page.wait_for_selector("#revimg-shown:not([hidden])")
    page.touchscreen.tap(*_cell(page, 4, 6))
    _shows(page, 5, 7)
    assert urlsplit(page.url).path == MATRIX
    page.touchscreen.tap(*_cell(page, 4, 6))
    page.wait_for_url("**/data/photos/5/-/compare?with=7")
    context.close()


# Four beside each other in three lines, far enough apart that none covers another.
GRID = [[number % 4 / 3, number // 4 / 2] for number in range(len(ANGLES))]


def _ready(page: Page) -> None:
    def place(route: Route) -> None:
        body = route.fetch().json()
        assert len(body["places"]) == len(GRID)
        route.fulfill(json={**body, "places": GRID, "pending": None})

    page.route("**/-/map-data*", place)
    page.goto(MAP)
    _canvas(page)
    # The thumbnails have been drawn: no longer the same grey everywhere.
    page.wait_for_function(
        """() => {
            const canvas = document.querySelector("#revimg-stage canvas");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            for (let at = 0; at < data.length; at += 4) {
                if (data[at + 3] === 255 && Math.abs(data[at + 1] - 90) < 12) return true;
            }
            return false;
        }"""
    )


def _settled(page: Page) -> None:
    """Nothing on the map changes any more."""
    page.wait_for_function(
        """() => {
            const before = window.drawn;
            window.drawn = document.querySelector("#revimg-stage canvas").toDataURL();
            return window.drawn === before;
        }""",
        polling=200,
    )


def _tip(page: Page) -> int:
    """The row whose label is shown."""
    page.wait_for_selector(".revimg-tip:not([hidden])")
    return int((page.locator(".revimg-tip img").get_attribute("src") or "").split("/")[3])


def _find_picture(page: Page) -> tuple[float, float]:
    """The middle, on the screen, of the picture at the left of the middle line."""
    box = _canvas(page)
    at = page.evaluate(
        """() => {
            const canvas = document.querySelector("#revimg-stage canvas");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const red = (x, y) => data[(y * width + x) * 4];
            const drawn = (x, y) => Math.abs(data[(y * width + x) * 4 + 1] - 90) < 12;
            const top = Math.round(height * 0.35);
            for (let y = top; y < height - 8; y++) for (let x = 4; x < width - 8; x++) {
                if (!drawn(x, y) || !drawn(x + 6, y + 6)) continue;
                const first = red(x + 6, y + 6);
                const same = (px, py) => drawn(px, py) && Math.abs(red(px, py) - first) < 8;
                let [right, down] = [x + 6, y + 6];
                while (same(right + 1, y + 6)) right++;
                while (same(x + 6, down + 1)) down++;
                return [(x + right) / 2, (y + down) / 2];
            }
            return null;
        }"""
    )
    return box["x"] + at[0], box["y"] + at[1]


def test_map_shows_every_picture_whole(page: Page) -> None:
    """Also those at its edges."""
    _ready(page)
    edges = page.evaluate(
        """() => {
            const canvas = document.querySelector("#revimg-stage canvas");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const drawn = (x, y) => data[(y * width + x) * 4 + 3] > 0;
            const across = [...Array(width).keys()], along = [...Array(height).keys()];
            return across.some((x) => drawn(x, 0) || drawn(x, height - 1)) ||
                along.some((y) => drawn(0, y) || drawn(width - 1, y));
        }"""
    )
    assert not edges


def _height(page: Page, x: float, y: float) -> int:
    """How far the colour of a point reaches up and down, in pixels."""
    box = _canvas(page)
    height: int = page.evaluate(
        """([x, y]) => {
            const canvas = document.querySelector("#revimg-stage canvas");
            const column = canvas.getContext("2d").getImageData(x, 0, 1, canvas.height).data;
            const same = (at) => [0, 1].every(
                (i) => Math.abs(column[at * 4 + i] - column[y * 4 + i]) < 12);
            let [first, last] = [y, y];
            while (first > 0 && same(first - 1)) first--;
            while (last < canvas.height - 1 && same(last + 1)) last++;
            return last - first;
        }""",
        [round(x - box["x"]), round(y - box["y"])],
    )
    return height


def test_map_by_mouse(page: Page) -> None:
    _ready(page)
    keeps_width(page, "map")
    x, y = _find_picture(page)
    page.mouse.move(x, y)
    number = _tip(page)
    assert page.locator(".revimg-tip [role=status]").inner_text() in (
        f"Picture {number}",
        "<script>alert('title')</script>",
    )
    keeps_width(page, "map-tip")
    small = _height(page, x, y)
    page.mouse.wheel(0, -400)
    _settled(page)
    # It stays under the pointer.
    assert _tip(page) == number
    assert _height(page, x, y) > 1.2 * small
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    assert urlsplit(page.url).path == MAP
    page.get_by_role("button", name="Show all").click()
    _settled(page)
    page.mouse.move(x + 2, y + 2)
    page.mouse.move(x, y)
    assert _tip(page) == number
    page.mouse.click(x, y)
    page.wait_for_url(f"**/data/photos/{number}/-/similar")


def test_map_by_keyboard(page: Page) -> None:
    _ready(page)
    page.locator("#revimg-stage canvas").focus()
    page.keyboard.press("ArrowRight")
    seen = {_tip(page)}
    for key in ["ArrowRight"] * 12 + ["ArrowLeft"] * 12 + ["ArrowUp"] * 6 + ["ArrowDown"] * 12:
        page.keyboard.press(key)
        seen.add(_tip(page))
    assert len(seen) > 4
    page.keyboard.press("Escape")
    page.wait_for_selector(".revimg-tip", state="hidden")
    page.keyboard.press("ArrowRight")
    number = _tip(page)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/data/photos/{number}/-/similar")


@pytest.mark.parametrize("width", [1440])
def test_tip_of_a_large_picture_is_its_caption_alone(page: Page) -> None:
    """Where pictures are as large as in the tip, it showed the one that was chosen before."""
    _ready(page)
    page.locator("#revimg-stage canvas").focus()
    page.keyboard.press("ArrowRight")
    picture, caption = page.locator(".revimg-tip img"), page.locator(".revimg-tip [role=status]")
    expect(picture).to_be_visible()
    before = caption.inner_text()
    for _ in range(8):
        page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(caption).not_to_have_text(before)
    expect(caption).to_be_visible()
    expect(picture).to_be_hidden()


def test_map_by_finger(browser: Browser, server: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 900},
        has_touch=True,
        base_url=server,
        reduced_motion="reduce",
    )
    page = context.new_page()
    _ready(page)
    x, y = _find_picture(page)
    page.touchscreen.tap(x, y)
    number = _tip(page)
    assert "tap again" in page.locator(".revimg-tip").inner_text()
    assert urlsplit(page.url).path == MAP
    page.touchscreen.tap(x, y)
    page.wait_for_url(f"**/data/photos/{number}/-/similar")
    context.close()


def test_from_one_to_the_other_and_back_to_the_table(page: Page, server: str) -> None:
    page.goto(f"{MATRIX}?colour=red")
    for link, address in (
        ("Map", "/data/photos/-/map?colour=red"),
        ("Matrix", f"{MATRIX}?colour=red"),
        ("Order by key", f"{MATRIX}?colour=red&_order=key"),
        ("Remove the filter", f"{MATRIX}?_order=key"),
        ("Table", "/data/photos"),
    ):
        follow(page.get_by_role("link", name=re.compile(f"^{link}( |$)")))
        assert page.url == server + address


def test_map_says_that_it_is_being_improved(
    browser: Browser,
    server: str,
) -> None:
    page = browser.new_page(base_url=server)
    answers = iter([True, True, False])

    def wait(route: Route) -> None:
        """What the server says while it computes, twice."""
        body = route.fetch().json()
        pending = next(answers)
        later = {"method": "PCA" if pending else "t-SNE", "pending": "t-SNE" if pending else None}
        route.fulfill(json={**body, **later})

    page.route("**/-/map-data*", wait)
    with page.expect_response("**/map-data?*_places*"):
        page.goto("/data/files/-/map")
    method = page.locator("#revimg-method")
    # Fewer than ten pictures have no better map; these are twelve.
    assert method.inner_text() in ("PCA, t-SNE is being computed", "t-SNE")
    page.wait_for_function("document.getElementById('revimg-method').innerText === 't-SNE'")
    assert next(answers, None) is None
    page.close()


@pytest.mark.parametrize("path", [MATRIX, MAP])
def test_without_javascript(browser: Browser, server: str, path: str) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=server)
    page = context.new_page()
    page.goto(path)
    if path == MATRIX:
        picture = page.locator("#revimg-stage img")
        box = picture.bounding_box()
        assert box
        assert box["width"] > 300
        assert "With JavaScript" in page.inner_text("body")
    else:
        links = page.locator(".revimg-along a")
        assert links.count() == len(ANGLES)
        follow(links.first)
        assert urlsplit(page.url).path.endswith("/-/similar")
    context.close()


def test_changed_rows_are_said(
    browser: Browser,
    server: str,
    built: Path,
) -> None:
    """What the page shows and what it asks for are of one version, or it says so."""
    page = browser.new_page(base_url=server)

    def change(route: Route) -> None:
        with sqlite3.connect(built) as conn:
            conn.execute("update _revimg_pairs set content_hash = x'02' where a = 1")
        route.continue_()

    page.route("**/-/matrix-values?*", change)
    page.goto("/data/pairs/-/matrix")
    note = page.locator(".revimg-alert")
    assert note.inner_text() == "Pairs has changed since: load the page again"
    page.close()
