"""VGG16's arrays, folders for files of them, and a server to download from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg.models.vgg16.architecture import conv_shapes
from datasette_revimg.models.weights import download
from kit.downloads import PAYLOAD, Target
from kit.file_server import Server, file_server
from kit.vgg16_arrays import KERNELS, numbered, swapped
from kit.vgg16_reference import bundled_convolutions, seeded_dense


@pytest.fixture(scope="module")
def canonical() -> dict[str, np.ndarray]:
    """The 32 arrays as Keras lays them out."""
    return numbered(KERNELS)


@pytest.fixture(scope="module")
def convolutions() -> dict[str, np.ndarray]:
    """Those of the 13 convolutions."""
    return numbered(conv_shapes())


@pytest.fixture(scope="module")
def outputs_first(canonical: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The 32 arrays as the other frameworks lay them out: (out, in, 3, 3), fc1 over C, H, W."""
    return {name: swapped(name, array) for name, array in canonical.items()}


@pytest.fixture(scope="session")
def weight_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of the whole network, 553 MB, an unknown training.

    The bundled convolutions, and dense layers by chance.
    """
    file = tmp_path_factory.mktemp("weights") / "mine.npz"
    np.savez(file, **bundled_convolutions(), **seeded_dense())
    yield file
    file.unlink()


@pytest.fixture(scope="module")
def weights(weight_file: Path) -> dict[str, np.ndarray]:
    """The arrays in that file."""
    with np.load(weight_file) as arrays:
        return dict(arrays)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose half gigabytes don't stay."""
    yield tmp_path
    for file in tmp_path.iterdir():
        file.unlink()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let downloads wait for nothing, and go through no proxy of this machine."""
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01, 0.01))
    monkeypatch.setattr(download, "TIMEOUT", 5)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def files(quick: None) -> Iterator[Server]:
    """A server of PAYLOAD."""
    with file_server(PAYLOAD) as server:
        yield server


@pytest.fixture
def target(tmp_path: Path, quick: None) -> Target:
    """An empty folder to download to."""
    folder = tmp_path / "models"
    folder.mkdir()
    return Target(folder)
