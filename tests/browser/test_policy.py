"""Pages under a content security policy that allows nothing but files of this server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from kit import server
from kit.pages import load

PLUGIN = """
from datasette import hookimpl

POLICY = b"default-src 'self'; img-src 'self' data: blob:"


@hookimpl
def asgi_wrapper():
    def wrap(app):
        async def with_policy(scope, receive, send):
            async def add(event):
                if event["type"] == "http.response.start":
                    headers = [*event["headers"], (b"content-security-policy", POLICY)]
                    event = {**event, "headers": headers}
                await send(event)

            await app(scope, receive, add)

        return with_policy

    return wrap
"""

# Datasette has inline scripts of its own, so only what is loaded from an address counts.
LISTEN = """
    window.refused = [];
    document.addEventListener("securitypolicyviolation", (event) => {
        if (event.blockedURI !== "inline") refused.push(event.blockedURI);
    });
"""


@pytest.fixture(scope="module")
def strict_server(scenes_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the scenes under the policy; yield the address."""
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "policy.py").write_text(PLUGIN)
    with server.serving(scenes_built, "--plugins-dir", plugins) as address:
        yield address


@pytest.fixture
def page(browser: Browser, strict_server: str) -> Iterator[Page]:
    opened = browser.new_page(base_url=strict_server, viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(server.TIMEOUT)
    opened.add_init_script(LISTEN)
    yield opened
    assert opened.evaluate("refused") == []
    opened.close()


def test_compared_pictures_have_their_shapes(page: Page) -> None:
    load(page, "compare, why")
    shapes = page.locator(".revimg-print").evaluate_all(
        "prints => prints.map(each => [each.offsetWidth, each.offsetHeight])"
    )
    assert len(shapes) == 2
    for width, height in shapes:
        assert height > 100
        # The scenes are 320 by 240.
        assert width / height == pytest.approx(4 / 3, abs=0.02)
    page.wait_for_function("[...document.images].every(i => i.hidden || i.naturalWidth)")


def test_the_legend_of_the_matrix_has_its_colours(page: Page) -> None:
    load(page, "matrix")
    colours = page.locator(".revimg-colours")
    assert "gradient" in colours.evaluate("each => getComputedStyle(each).backgroundImage")
    assert page.locator("#revimg-stage canvas").bounding_box()["height"] > 100


def test_a_region_is_where_it_was_drawn(page: Page) -> None:
    load(page, "similar, region")
    region = page.locator(".revimg-crop-region")
    # A quarter of the collage.
    box, whole = region.bounding_box(), page.locator(".revimg-crop-picture").bounding_box()
    assert box["width"] / whole["width"] == pytest.approx(0.5, abs=0.05)
    assert box["height"] / whole["height"] == pytest.approx(0.5, abs=0.05)


def test_a_map_is_drawn(page: Page) -> None:
    load(page, "map")
    assert page.locator("#revimg-stage canvas").bounding_box()["height"] > 100
