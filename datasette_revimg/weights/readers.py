"""Weight files → named arrays, ``block1_conv1/kernel`` and so on, laid out as Keras has them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from .vgg16 import LAYERS, WeightsError, check_convolutions


def read_convolutions(file: Path) -> dict[str, np.ndarray]:
    """The 13 convolutions of VGG16 as float32: kernels (3, 3, in, out), biases (out,).

    Reads Keras' ``…_notop.h5`` (needs h5py) and an ``.npz`` with the same names. Raises
    WeightsError, naming the file and the tensor, when the file isn't either or isn't VGG16.
    """
    try:
        weights = _read_npz(file) if zipfile.is_zipfile(file) else _read_keras(file)
        check_convolutions(weights)
    except (OSError, WeightsError) as error:
        raise WeightsError(f"{file}: {error}") from error
    return {name: array.astype(np.float32) for name, array in weights.items()}


def _read_npz(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_keras(file: Path) -> dict[str, np.ndarray]:
    import h5py

    weights = {}
    with h5py.File(file, "r") as archive:
        layers = archive.get("model_weights", archive)
        for layer in LAYERS:
            if layer not in layers:
                raise WeightsError(f"{layer} is missing")
            arrays: list[np.ndarray] = []
            layers[layer].visititems(
                lambda _, item, found=arrays: (
                    found.append(item[()]) if isinstance(item, h5py.Dataset) else None
                )
            )
            # The names differ between Keras' versions, the number of dimensions doesn't.
            for array in arrays:
                weights[f"{layer}/{'kernel' if array.ndim == 4 else 'bias'}"] = array
    return weights
