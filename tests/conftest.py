"""Databases to ask about: their vectors lie in one plane at known angles, so that geometry, not
the program under test, says which are the most similar and what their cosines are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from datasette.app import Datasette
from playwright.sync_api import Browser

from datasette_revimg.overview import layout
from kit import scenes
from kit import server as browsing
from kit.asking import IS_1
from kit.geometry import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("built") / "data.db"
    build(file)
    return file


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    """A database file of the test's own."""
    return Path(shutil.copy(built, tmp_path / "data.db"))


@pytest.fixture
def serve(data: Path) -> Callable[..., Datasette]:
    """Makes a Datasette of ``data``, or of other files, with this configuration."""

    def served(*files: Path, config: dict[str, Any] | None = None, **arguments: Any) -> Datasette:
        named = [str(file) for file in files or ([] if "immutables" in arguments else [data])]
        # 0.65 has all configuration in what it calls metadata.
        arguments["config" if IS_1 else "metadata"] = config
        return Datasette(named, **arguments)

    return served


@pytest.fixture(scope="session")
def scenes_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.build(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For a module, because Playwright's loop would be in the way of those of other tests."""
    with browsing.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(built: Path) -> Iterator[str]:
    """The address of a Datasette that serves the vectors of known angles."""
    with browsing.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def scenes_server(scenes_built: Path) -> Iterator[str]:
    """The address of a Datasette that serves the scenes."""
    with browsing.serving(scenes_built) as address:
        yield address


@pytest.fixture
def scenes_db(scenes_built: Path, tmp_path: Path) -> Path:
    """A database of real pictures of the test's own, the files beside it."""
    shutil.copytree(scenes_built.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / scenes_built.name


@pytest.fixture
def ds(serve: Callable[..., Datasette]) -> Datasette:
    return serve()


@pytest.fixture
def only_pca(monkeypatch: pytest.MonkeyPatch) -> None:
    """No better map, which would be computed beside all else."""
    monkeypatch.setattr(layout, "better_method", lambda: None)
