"""Use the page that searches by image, in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from kit import scenes

PATH = "/scenes/photos/-/similar"


def picture(number: int) -> dict[str, object]:
    return {
        "name": "x.jpg",
        "mimeType": "image/jpeg",
        "buffer": scenes.saved(scenes.scene(number)),
    }


def choose(page: Page, chosen: dict[str, object]) -> None:
    page.locator(".revimg-drop input").set_input_files(chosen)


def shows(page: Page, number: int, heading: str = "Similar to your picture") -> None:
    """The answer is there, with this scene first."""
    page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
    expect(page.locator(".revimg-results .revimg-label").first).to_have_text(f"Scene {number}")
    page.wait_for_function("[...document.images].every(i => i.complete || i.loading == 'lazy')")
