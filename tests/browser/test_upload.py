"""Search by image and by region in a real browser: choose, drop, paste, draw."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from kit import scenes
from kit.server import follow
from kit.upload_page import PATH, choose, picture, shows

COLLAGE = scenes.COUNT + 1


@pytest.fixture(scope="module")
def server(scenes_server: str) -> str:
    return scenes_server


@pytest.fixture(params=[360, 1440])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def page_options() -> dict[str, Any]:
    # The console repeats what the server refuses.
    return {"console": False}


@pytest.fixture
def page(page: Page) -> Page:
    """Open the form."""
    page.goto(PATH)
    return page


def collage() -> dict[str, object]:
    return {**picture(1), "buffer": scenes.saved(scenes.collage([1, 2, 3, 4]))}


def fire(page: Page, event: str, count: int = 1, number: int = 3) -> None:
    """Drop or paste so many files, as the browser tells the page about it."""
    data = base64.b64encode(scenes.saved(scenes.scene(number))).decode()
    page.evaluate(
        """([event, data, count]) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            for (let n = 0; n < count; n++) {
                transfer.items.add(new File([bytes], `${n}.jpg`, { type: "image/jpeg" }));
            }
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(
                event == "paste"
                    ? new ClipboardEvent(event, { ...options, clipboardData: transfer })
                    : new DragEvent(event, { ...options, dataTransfer: transfer }),
            );
        }""",
        [event, data, count],
    )


def test_choose_a_picture_and_go_back(page: Page, scenes_server: str) -> None:
    choose(page, picture(3))
    shows(page, 3)
    expect(page).to_have_url(scenes_server + PATH)
    assert page.locator(".revimg-score").first.inner_text().split()[0] in ("1.0000", "0.9999")
    assert page.locator(".revimg-results li").count() == scenes.COUNT + 1
    # Said, and where the keyboard goes on.
    assert page.locator("body > [role=status]").inner_text() == "13 similar pictures"
    assert page.evaluate("document.activeElement.tagName") == "H1"
    choose(page, picture(5))
    shows(page, 5)
    page.go_back()
    shows(page, 3)
    page.go_back()
    page.get_by_role("heading", name="Search photos by image").wait_for()
    page.go_forward()
    shows(page, 3)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_drop_and_paste(page: Page, event: str) -> None:
    fire(page, event, count=2)
    assert "One picture" in page.get_by_role("alert").inner_text()
    fire(page, event, count=0)
    # A text may be meant for something else.
    expected = "picture file" if event == "drop" else "One picture"
    assert expected in page.get_by_role("alert").inner_text()
    fire(page, event)
    shows(page, 3)
    fire(page, event, number=6)
    shows(page, 6)


def test_dragging_shows_where_to_drop(page: Page) -> None:
    form = page.locator(".revimg-drop")
    before = form.evaluate("e => getComputedStyle(e).borderColor")
    fire(page, "dragover")
    assert form.evaluate("e => getComputedStyle(e).borderColor") != before
    fire(page, "dragleave")
    assert form.evaluate("e => getComputedStyle(e).borderColor") == before


def test_problems_are_told_in_place(page: Page, scenes_server: str) -> None:
    choose(page, {"name": "x.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    alert = page.get_by_role("alert").filter(has_text="not a picture")
    alert.wait_for()
    assert page.url == scenes_server + PATH
    assert page.locator(".revimg-preview").count() == 0
    # What is too large isn't sent at all.
    requests: list[str] = []
    page.on("request", lambda asked: requests.append(asked.method))
    large = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": bytes(20_000_001)}
    choose(page, large)
    page.get_by_role("alert").filter(has_text="larger than 20 MB").wait_for()
    assert "POST" not in requests
    # And it goes on from there.
    choose(page, picture(3))
    shows(page, 3)


def test_preview_and_progress(page: Page) -> None:
    page.route("**/-/similar", lambda route: None)
    choose(page, picture(3))
    page.get_by_role("status").filter(has_text="Searching").wait_for()
    page.wait_for_function("document.querySelector('.revimg-preview').naturalWidth == 320")
    page.unroute("**/-/similar")


def test_filters_go_along(page: Page, scenes_server: str) -> None:
    page.goto(f"{scenes_server}{PATH}?colour=blue&_size=3")
    choose(page, picture(3))
    page.get_by_role("link", name="Show all 6").click()
    page.wait_for_function("document.querySelectorAll('.revimg-results li').length == 6")
    page.get_by_role("link", name="Remove the filter colour").click()
    page.get_by_text("13 pictures compared").wait_for()
    shows(page, 3)
    # So that a reload, which needs the picture again, asks for it among the same rows.
    expect(page).to_have_url(f"{scenes_server}{PATH}?_size=6")


def test_region_by_keyboard(page: Page) -> None:
    choose(page, collage())
    page.get_by_role("button", name="Search a region").click()
    region = page.get_by_role("group", name="Region: 50% wide, 50% high, 25% from the left")
    expect(region).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("group", name="Region: 52% wide, 52% high").wait_for()
    page.keyboard.press("Escape")
    expect(page.locator(".revimg-crop-region")).to_be_hidden()
    # The button has the focus again.
    page.keyboard.press("Enter")
    # To the upper right, and no further than the edge.
    for _ in range(15):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shows(page, 2, "Similar to a region of your picture")
    assert page.locator(".revimg-crop").get_attribute("data-crop") == "500,0,500,500"
    page.get_by_role("link", name="Whole picture").click()
    page.get_by_role("heading", name="Similar to your picture").wait_for()
    expect(page.locator(".revimg-results .revimg-label").first).to_have_text("Collage")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With the mouse, between two points given as shares of the picture."""
    box = page.locator(".revimg-crop-picture").bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()


def has_region(page: Page, *expected: int) -> None:
    """The rectangle is drawn there, up to the pixels of a small picture."""
    values = page.evaluate("document.querySelector('revimg-crop').rectangle")
    assert values == pytest.approx(expected, abs=12)


def test_region_of_a_row_by_mouse(page: Page, scenes_server: str) -> None:
    page.goto(f"{scenes_server}/scenes/photos/{COLLAGE}/-/similar?colour__not=red")
    drag(page, (0.1, 0.2), (0.4, 0.4))
    has_region(page, 100, 200, 300, 200)
    # Moved by its inside, no further than the edge; then changed by a corner.
    drag(page, (0.25, 0.3), (1.4, 0.05))
    has_region(page, 700, 0, 300, 200)
    drag(page, (0.7, 0.2), (0.5, 0.5))
    has_region(page, 500, 0, 500, 500)
    # Elsewhere a new one begins, and a click is none.
    drag(page, (0.1, 0.9), (0.1, 0.9))
    expect(page.get_by_role("button", name="Search a region")).to_be_visible()
    drag(page, (0.995, 0.005), (0.5, 0.5))
    has_region(page, 500, 0, 500, 500)
    follow(page.get_by_role("button", name="Search this region"))
    shows(page, 2, "Similar to a region of Collage")
    query = parse_qs(urlsplit(page.url).query)
    assert query["colour__not"] == ["red"]
    has_region(page, *map(int, query["_crop"][0].split(",")))
    follow(page.get_by_role("link", name="Whole picture"))
    assert page.url == f"{scenes_server}/scenes/photos/{COLLAGE}/-/similar?colour__not=red"


def test_region_by_touch(browser: Browser, scenes_server: str) -> None:
    """A finger scrolls over the picture until a region was asked for."""
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{scenes_server}/scenes/photos/{COLLAGE}/-/similar")
    pictured = page.locator(".revimg-crop-picture")
    expect(pictured).to_have_css("touch-action", "auto")
    page.get_by_role("button", name="Search a region").tap()
    expect(pictured).to_have_css("touch-action", "none")
    page.get_by_role("button", name="Search this region").tap()
    page.wait_for_url("**_crop=250%2C250%2C500%2C500")
    context.close()


def test_without_javascript(browser: Browser, scenes_server: str) -> None:
    """A plain form, sent by somebody with cookies; the region is shown all the same."""
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "ds_actor", "value": "x", "url": scenes_server}])
    page = context.new_page()
    page.goto(f"{scenes_server}{PATH}?colour=red")
    # 0.65 gives its token in a cookie with pages like these.
    choose(page, picture(3))
    follow(page.get_by_role("button", name="Search", exact=True))
    assert page.get_by_role("heading", level=1).inner_text() == "Similar to your picture"
    assert page.locator(".revimg-results .revimg-label").first.inner_text() == "Scene 3"
    assert page.locator(".revimg-results li").count() == scenes.COUNT // 2
    assert page.url == f"{scenes_server}{PATH}?colour=red"
    page.goto(f"{scenes_server}/scenes/photos/{COLLAGE}/-/similar?_crop=500,0,500,500")
    outer = page.locator(".revimg-crop-picture").bounding_box()
    inner = page.locator(".revimg-crop-region").bounding_box()
    assert outer
    assert inner
    assert inner["x"] - outer["x"] == pytest.approx(outer["width"] / 2, abs=1)
    assert inner["width"] == pytest.approx(outer["width"] / 2, abs=1)
    assert inner["height"] == pytest.approx(outer["height"] / 2, abs=1)
    context.close()


def test_from_the_menu_by_keyboard(browser: Browser, scenes_server: str) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    # Early: it takes the browser a moment until it tells of a dialogue instead of opening it.
    page.on("filechooser", lambda _: None)
    page.goto(f"{scenes_server}/scenes/photos")
    page.locator(".actions-menu-links summary").click()
    follow(page.locator(".actions-menu-links a", has_text="Search by image"))
    assert urlsplit(page.url).path == PATH
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.revimg-drop input')"):
            break
    outline = "getComputedStyle(document.querySelector('.revimg-choose span')).outlineWidth"
    assert page.evaluate(outline) == "3px"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    assert not chooser.value.is_multiple()
    page.close()
