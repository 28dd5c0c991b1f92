"""The database that the tests of the commands share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import shapes


@pytest.fixture(scope="package")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an embedded database of simple shapes, which no test may change."""
    return shapes.build(tmp_path_factory.mktemp("cli") / "shapes.db")


@pytest.fixture
def copy(database: Path, tmp_path: Path) -> Path:
    """Return a copy of the shapes, for the test alone."""
    return Path(shutil.copy(database, tmp_path / "copy.db"))
