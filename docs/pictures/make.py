"""Take the screenshots of the pages: ``python docs/pictures/make.py photos.db [NAME]...``.

``photos.db`` has a table ``photos``, embedded from a folder of the photographs in LICENSE.md
(all but the query), with the further columns ``subject``, ``photographer`` and ``licence``. This
needs Playwright, Chromium and, for the map, scikit-learn.
"""

import io
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
PORT = 8765
ADDRESS = f"http://127.0.0.1:{PORT}"
PHOTOS = f"{ADDRESS}/photos/photos"
WINDMILL = "windmills~2Fwindmill13~2Ewebp"
OTHER_WINDMILL = "windmills~2Fwindmill11~2Ewebp"
QUERY = FOLDER / "query.webp"
HEADER = 42  # pixels of Datasette's own bar
SETTINGS = {
    "plugins": {"datasette-revimg": {"size": 15, "similar_columns": ["photographer", "licence"]}},
    "databases": {
        "photos": {"tables": {"photos": {"facets": ["subject"], "label_column": "path"}}}
    },
}


@contextmanager
def serve(database: Path) -> Iterator[None]:
    """Serve a database at ADDRESS, with SETTINGS."""
    with NamedTemporaryFile("w", suffix=".json") as metadata:
        json.dump(SETTINGS, metadata)
        metadata.flush()
        command = [sys.executable, "-m", "datasette", str(database), "--metadata", metadata.name]
        process = subprocess.Popen([*command, "--port", str(PORT)])
        try:
            while process.poll() is None:
                try:
                    urllib.request.urlopen(ADDRESS).close()
                    break
                except urllib.error.URLError:
                    time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait()


def similar(page: Page) -> None:
    page.goto(f"{PHOTOS}/{WINDMILL}/-/similar")


def compare(page: Page) -> None:
    page.goto(f"{PHOTOS}/{WINDMILL}/-/compare?with={OTHER_WINDMILL}")
    page.get_by_text("Show why").click()


def show_map(page: Page) -> None:
    page.goto(f"{PHOTOS}/-/map")
    page.get_by_text("t-SNE", exact=False).first.wait_for()


def matrix(page: Page) -> None:
    page.goto(f"{PHOTOS}/-/matrix")


def search(page: Page) -> None:
    page.goto(f"{PHOTOS}/-/similar")
    page.set_input_files("input[type=file]", QUERY)


# What to open, and which part of the page below Datasette's header to show: width and height.
SHOTS = {
    "similar": (similar, 1280, 728),
    "compare": (compare, 1280, 668),
    "map": (show_map, 1280, 738),
    "matrix": (matrix, 1060, 690),
    "search": (search, 1280, 728),
}


def main(database: Path, names: list[str]) -> None:
    with serve(database), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            args=["--no-sandbox"], executable_path=shutil.which("chromium")
        )
        for name in names or SHOTS:
            visit, width, height = SHOTS[name]
            page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=2)
            visit(page)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(5000)
            clip = {"x": 0, "y": HEADER, "width": width, "height": height}
            shot = Image.open(io.BytesIO(page.screenshot(clip=clip)))
            shot.save(FOLDER / f"{name}.webp", quality=80, method=6)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
