"""A model of one's own, and pictures to run it on."""

from pathlib import Path

import pytest

from kit.pictures import mosaic, photos_database
from kit.tiny_network import Tiny


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a database of eleven pictures as BLOBs: a batch, and a smaller one."""
    return photos_database(tmp_path / "photos.db", {n: mosaic(n) for n in range(1, 12)})


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """Return a network that isn't written yet."""
    return Tiny(tmp_path / "tiny.onnx")
