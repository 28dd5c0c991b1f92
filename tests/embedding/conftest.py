"""The database that most tests of embedding begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.pictures import mosaic, photos_database


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a database of three pictures as BLOBs."""
    return photos_database(tmp_path / "photos.db", {n: mosaic(n) for n in (1, 2, 3)})
