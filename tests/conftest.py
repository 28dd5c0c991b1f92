"""Fixtures: databases of known angles and of scenes, Datasettes that serve them, a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from datasette.app import Datasette
from playwright.sync_api import Browser, Page

from datasette_revimg.overview import layout
from kit import scenes
from kit import server as browsing
from kit.asking import IS_1
from kit.geometry import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of vectors at known angles, which no test may change."""
    file = tmp_path_factory.mktemp("built") / "data.db"
    build(file)
    return file


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the vectors at known angles, for the test alone."""
    return Path(shutil.copy(built, tmp_path / "data.db"))


@pytest.fixture
def serve(data: Path) -> Callable[..., Datasette]:
    """Return a function that makes a Datasette of ``data`` or of other files."""

    def served(*files: Path, config: dict[str, Any] | None = None, **arguments: Any) -> Datasette:
        named = [str(file) for file in files or ([] if "immutables" in arguments else [data])]
        # 0.65 has all configuration in what it calls metadata.
        arguments["config" if IS_1 else "metadata"] = config
        return Datasette(named, **arguments)

    return served


@pytest.fixture(scope="session")
def scenes_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an embedded database of real pictures, which no test may change."""
    return scenes.build(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for a module: Playwright's event loop must not outlive it."""
    with browsing.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(built: Path) -> Iterator[str]:
    """Serve the vectors at known angles; yield the address."""
    with browsing.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def scenes_server(scenes_built: Path) -> Iterator[str]:
    """Serve the scenes; yield the address."""
    with browsing.serving(scenes_built) as address:
        yield address


@pytest.fixture(params=[390, 1440])
def width(request: pytest.FixtureRequest) -> int:
    """Return the width of the page, a phone's and a desktop's; modules may choose others."""
    return int(request.param)


@pytest.fixture
def page_options() -> dict[str, Any]:
    """Return further options of the page, none unless a module has some."""
    return {}


@pytest.fixture
def page(browser: Browser, server: str, width: int, page_options: dict[str, Any]) -> Iterator[Page]:
    """Open a page that must not complain, ask another host for anything, or be too wide."""
    with browsing.watched(browser, server, width, **page_options) as opened:
        yield opened


@pytest.fixture
def scenes_db(scenes_built: Path, tmp_path: Path) -> Path:
    """Return a copy of the scenes for the test alone, the files beside it."""
    shutil.copytree(scenes_built.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / scenes_built.name


@pytest.fixture
def ds(serve: Callable[..., Datasette]) -> Datasette:
    """Return a Datasette that serves ``data``, without any configuration."""
    return serve()


@pytest.fixture
def scenes_ds(serve: Callable[..., Datasette], scenes_db: Path) -> Datasette:
    """A Datasette that serves real pictures."""
    return serve(scenes_db)


@pytest.fixture
def only_pca(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the better map, computed in the background, from being made."""
    monkeypatch.setattr(layout, "better_method", lambda: None)
