"""VGG16's arrays as the tests make them, and the names that others give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datasette_revimg.models.vgg16.architecture import conv_shapes

Arrays = Mapping[str, np.ndarray]

CONVOLUTIONS = list(conv_shapes())
LAYERS = [*CONVOLUTIONS, "fc1", "fc2", "predictions"]
KERNELS: dict[str, tuple[int, ...]] = {
    **conv_shapes(),
    "fc1": (25088, 4096),
    "fc2": (4096, 4096),
    "predictions": (4096, 1000),
}
FEATURES = [f"features.{place}" for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
TORCHVISION = [*FEATURES, "classifier.0", "classifier.3", "classifier.6"]
TIMM = [*FEATURES, "pre_logits.fc1", "pre_logits.fc2", "head.fc"]


def numbered(kernels: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return arrays in which every number is another one, as Keras lays them out.

    The numbers are the bits of consecutive integers from those of 2⁻⁹ on: float32 numbers between
    0.002 and 170, the same for the same layer. They lie in a single piece of memory.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, kernel in kernels.items():
        shapes[f"{layer}/kernel"], shapes[f"{layer}/bias"] = kernel, kernel[-1:]
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    numbers = (np.arange(total, dtype=np.uint32) + np.uint32(0x3B000000)).view(np.float32)
    arrays, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        arrays[name] = numbers[start : start + size].reshape(shape)
        start += size
    return arrays


def swapped(name: str, array: np.ndarray) -> np.ndarray:
    """Return an array as the other frameworks lay it out: outputs first, fc1 over C, H, W."""
    if name == "fc1/kernel":
        by_place = array.reshape(7, 7, 512, 4096)
        return np.ascontiguousarray(by_place.transpose(3, 2, 0, 1)).reshape(4096, 25088)
    if array.ndim == 4:
        return np.ascontiguousarray(array.transpose(3, 2, 0, 1))
    return np.ascontiguousarray(array.T)


def renamed(
    arrays: Arrays, layers: Sequence[str], kernel: str = ".weight", bias: str = ".bias"
) -> dict[str, np.ndarray]:
    """Return the arrays by another framework's names; ``layers`` are its layers in order."""
    theirs = dict(zip(LAYERS, layers, strict=True))
    suffixes = {"kernel": kernel, "bias": bias}
    return {
        theirs[layer] + suffixes[role]: array
        for name, array in arrays.items()
        for layer, role in [name.split("/")]
    }


def torchvision_names(arrays: Arrays) -> dict[str, np.ndarray]:
    """Name arrays as torchvision does."""
    return renamed(arrays, TORCHVISION)
