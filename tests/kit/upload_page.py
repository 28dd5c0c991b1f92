"""Use the page that searches by image, in a browser."""

from __future__ import annotations

from playwright.sync_api import FilePayload, Page, expect

from kit import scenes

PATH = "/scenes/photos/-/similar"


def picture(number: int) -> FilePayload:
    """Return a scene as a file to choose."""
    return {
        "name": "x.jpg",
        "mimeType": "image/jpeg",
        "buffer": scenes.saved(scenes.scene(number)),
    }


def choose(page: Page, chosen: FilePayload) -> None:
    """Choose a file, as with the button of the form."""
    page.locator(".revimg-drop input").set_input_files(chosen)


def shows(page: Page, number: int, heading: str = "Similar to your picture") -> None:
    """Wait for the answer, which must show this scene first."""
    page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
    expect(page.locator(".revimg-results .revimg-label").first).to_have_text(f"Scene {number}")
    page.wait_for_function("[...document.images].every(i => i.complete || i.loading == 'lazy')")
