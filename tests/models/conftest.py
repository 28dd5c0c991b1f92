"""Models, and pictures to run them on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.colour_network import CLASSES, install_colours, plain
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


@pytest.fixture
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of installed models: the test's own, and not there yet."""
    folder = tmp_path / "models"
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(folder))
    yield folder
    for file in folder.glob("*"):
        file.unlink()


@pytest.fixture
def installed(models_folder: Path) -> None:
    """The network that knows colours, in place of VGG16."""
    install_colours(models_folder)


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """Return a database of a red, a lime and a blue picture."""
    pictures = {n: plain(colour) for n, colour in enumerate(CLASSES, start=1)}
    return photos_database(tmp_path / "photos.db", pictures)
