"""Look closer, and the query with its best results, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from kit import scenes
from kit.server import fits, follow
from kit.upload_page import PATH, choose, picture

ROW = f"/scenes/photos/{scenes.COUNT + 1}/-/similar"


@pytest.fixture(scope="module")
def server(scenes_server: str) -> str:
    return scenes_server


def result(page: Page, number: int) -> Locator:
    """Return the result that shows a scene."""
    label = page.get_by_role("link", name=f"Scene {number}", exact=True)
    return page.locator(".revimg-results li").filter(has=label)


def visible_boxes(page: Page) -> Locator:
    return page.locator(".revimg-box").locator("visible=true")


def covers(page: Page, left: float, top: float) -> None:
    """Check that the only visible box is a quarter of the picture, and where it begins."""
    # Where a link was clicked there may be a result now, which is pointed at.
    page.mouse.move(0, 0)
    expect(visible_boxes(page)).to_have_count(1)
    box = visible_boxes(page).bounding_box()
    whole = page.locator(".revimg-crop-picture img").bounding_box()
    assert box
    assert whole
    assert (box["x"] - whole["x"]) / whole["width"] == pytest.approx(left, abs=0.02)
    assert (box["y"] - whole["y"]) / whole["height"] == pytest.approx(top, abs=0.02)
    assert box["width"] / whole["width"] == pytest.approx(0.5, abs=0.02)


def test_the_part_is_drawn_for_the_result_that_it_found(page: Page) -> None:
    page.goto(ROW)
    expect(page.locator(".revimg-box")).to_have_count(0)
    follow(page.get_by_role("link", name="Look closer"))
    expect(result(page, 4)).to_contain_text("Found with the lower right part")
    expect(visible_boxes(page)).to_have_count(0)
    result(page, 4).get_by_title("Find similar").focus()
    covers(page, 0.5, 0.5)
    result(page, 3).get_by_title("Find similar").focus()
    covers(page, 0, 0.5)
    fits(page)
    follow(page.get_by_role("link", name="Look once"))
    expect(page.locator(".revimg-found")).to_have_count(0)


def test_an_uploaded_picture_is_sent_again(page: Page, scenes_server: str) -> None:
    page.goto(PATH)
    choose(page, {**picture(1), "buffer": scenes.saved(scenes.collage([1, 2, 3, 4]))})
    expect(page.locator(".revimg-switches")).to_contain_text("whole picture and its middle")
    page.get_by_role("link", name="Look closer").click()
    expect(page.locator(".revimg-switches")).to_contain_text("3 turns and its mirror image")
    expect(page).to_have_url(f"{scenes_server}{PATH}?_ways=all")
    expect(result(page, 2)).to_contain_text("Found with the upper right part")
    result(page, 2).get_by_title("Find similar").focus()
    covers(page, 0.5, 0)
    page.get_by_role("link", name="Add the 5 best results").click()
    expect(page.locator(".revimg-switches")).to_contain_text("mixed with its 5 best results")
    page.get_by_role("link", name="Look once").click()
    expect(page.locator(".revimg-switches")).not_to_contain_text("mirror image")
    expect(page.locator(".revimg-switches")).to_contain_text("mixed with its 5 best results")


def test_turned_copies_are_found(page: Page, scenes_server: str) -> None:
    page.goto(PATH)
    copy = scenes.scene(5).transpose(scenes.Image.Transpose.TRANSVERSE)
    choose(page, {**picture(1), "buffer": scenes.saved(copy)})
    expect(page.locator(".revimg-results li").first).to_be_visible()
    expect(page.get_by_text("turned 90°")).to_have_count(0)
    page.get_by_role("link", name="Find turned copies").click()
    expect(page).to_have_url(f"{scenes_server}{PATH}?_turn=any")
    expect(page.locator(".revimg-results li").first).to_contain_text("Scene 5")
    expect(page.locator(".revimg-results li").first).to_contain_text("Mirrored and turned 90°")
    fits(page)
    page.get_by_role("link", name="Don’t turn it").click()
    expect(page.locator(".revimg-switches")).not_to_contain_text("orientations")


def test_without_scripts(browser: Browser, scenes_server: str, width: int) -> None:
    context = browser.new_context(
        base_url=scenes_server, java_script_enabled=False, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.goto(ROW)
    page.get_by_role("link", name="Look closer").click()
    expect(result(page, 1)).to_contain_text("Found with the upper left part")
    # The form keeps the ways.
    page.goto(PATH)
    page.get_by_role("link", name="Look closer").click()
    page.locator("input[type=file]").set_input_files(
        {**picture(1), "buffer": scenes.saved(scenes.collage([1, 2, 3, 4]))}
    )
    page.get_by_role("button", name="Search").click()
    expect(result(page, 3)).to_contain_text("Found with the lower left part")
    # What would need the picture once more isn't offered.
    expect(page.locator(".revimg-switches a").locator("visible=true")).to_have_count(0)
    context.close()
