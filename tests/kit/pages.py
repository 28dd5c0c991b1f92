"""Every kind of page that has something of ours on it, with real pictures, in a real browser."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Page

from kit import scenes

# The addresses.
PAGES = {
    "similar": "/scenes/photos/1/-/similar",
    "similar with filters": (
        "/scenes/photos/1/-/similar?colour=red&_min=0.05&like=3&unlike=2&_size=3"
    ),
    "similar, region": "/scenes/photos/13/-/similar?_crop=0,0,500,500",
    "similar, closer": "/scenes/photos/13/-/similar?_ways=all&_expand=5",
    "problem": "/scenes/photos/99/-/similar",
    "upload": "/scenes/photos/-/similar",
    "uploaded": "/scenes/photos/-/similar",
    "compare": "/scenes/photos/1/-/compare?with=2",
    "compare, why": "/scenes/photos/1/-/compare?with=2&_why=1",
    "matrix": "/scenes/photos/-/matrix",
    "map": "/scenes/photos/-/map",
    "diagnostics": "/-/revimg",
    "table": "/scenes/photos",
    "row": "/scenes/photos/1",
    "query": "/scenes?sql="
    + quote("select id, title, colour from photos")
    # Datasette puts an editor in place of the SQL, and what is below it moves.
    + "&_hide_sql=1",
}

# Datasette's own pages, with a cell or a link of ours.
DATASETTES = {"table", "row", "query"}


def load(page: Page, name: str) -> None:
    """Open a page and wait until it stands."""
    page.goto(PAGES[name])
    if name in ("matrix", "map"):
        page.wait_for_selector(".revimg-zoom")
    page.wait_for_load_state("networkidle")


def use(page: Page, name: str) -> None:
    """Use a page that shows more after it was used: send a picture, choose a cell."""
    if name == "uploaded":
        page.locator(".revimg-drop input").set_input_files(
            {
                "name": "x.jpg",
                "mimeType": "image/jpeg",
                "buffer": scenes.saved(scenes.scene(3)),
            }
        )
        page.get_by_role("heading", level=1, name="Similar to your picture").wait_for()
    if name == "matrix":
        # The two pictures of a cell.
        page.locator("#revimg-stage canvas").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#revimg-shown:not([hidden])")
    page.wait_for_load_state("networkidle")
