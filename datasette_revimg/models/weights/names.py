"""VGG16's 32 tensors as Keras names and shapes them, and how other frameworks lay them out.

``block1_conv1/kernel`` … are (3, 3, in, out), ``fc1/kernel`` (25088, 4096) over a
height-width-channel flatten, ``fc2/kernel`` and ``predictions/kernel`` (in, out). The other
frameworks put outputs first: (out, in, 3, 3), and fc1 (4096, 25088) over channel-height-width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import WeightsError
from ..vgg16.architecture import BLOCKS, LAYERS, MAP_SIDE, conv_shapes
from .tensors import Stored

DENSE = ("fc1", "fc2", "predictions")
CELLS = MAP_SIDE * MAP_SIDE
CHANNELS = BLOCKS[-1][0]

KERNELS: dict[str, tuple[int, ...]] = {
    **conv_shapes(),
    "fc1": (CELLS * CHANNELS, 4096),
    "fc2": (4096, 4096),
    "predictions": (4096, 1000),
}
SHAPES: dict[str, tuple[int, ...]] = {
    name: shape
    for layer, kernel in KERNELS.items()
    for name, shape in ((f"{layer}/kernel", kernel), (f"{layer}/bias", kernel[-1:]))
}

_NORMALISED = re.compile(r"running_mean|moving_mean|batch_?norm", re.IGNORECASE)


@dataclass(frozen=True)
class WeightTensors:
    """The contents of a file: its layout's name, and its tensors by their canonical names."""

    layout: str
    outputs_first: bool
    tensors: Mapping[str, Stored]


def canonical_names(layers: Sequence[str], kernel: str, bias: str) -> dict[str, str]:
    """Map a file's names of tensors to the canonical ones; ``layers`` are its own, in order."""
    return {
        f"{theirs}{suffix}": f"{ours}/{role}"
        for theirs, ours in zip(layers, KERNELS, strict=True)
        for suffix, role in ((kernel, "kernel"), (bias, "bias"))
    }


def by_canonical_name(stored: Iterable[Stored], names: Mapping[str, str]) -> dict[str, Stored]:
    """Return the tensors by their canonical names; WeightsError for one that isn't in ``names``.

    A network with more layers than VGG16, VGG19 say, has all of VGG16's names and shapes:
    passing over what is unknown would give wrong vectors without a word.
    """
    tensors = {tensor.name: tensor for tensor in stored}
    unknown = [name for name in tensors if name not in names]
    if any(_NORMALISED.search(name) for name in unknown):
        raise WeightsError("this is a network with batch normalisation, which VGG16 doesn't have")
    if unknown:
        raise WeightsError(f"{unknown[0]} is not one of VGG16's tensors")
    return {names[name]: tensor for name, tensor in tensors.items()}


def required_names(present: Iterable[str]) -> list[str]:
    """Return the canonical names that a file must have if it has those in ``present``.

    The 13 convolutions always; fc1 and fc2 together; predictions only on top of them.
    """
    layers = {name.partition("/")[0] for name in present}
    top = DENSE if "predictions" in layers else DENSE[:2] if layers & set(DENSE) else ()
    return [f"{layer}/{role}" for layer in (*LAYERS, *top) for role in ("kernel", "bias")]


def accepted_shapes(name: str, outputs_first: bool) -> list[tuple[int, ...]]:
    """Return the tensor's possible shapes in a file; dense layers may be 1×1 or 7×7 kernels."""
    shape = SHAPES[name]
    if not outputs_first or len(shape) == 1:
        return [shape]
    if len(shape) == 4:
        return [(shape[3], shape[2], *shape[:2])]
    inputs, outputs = shape
    as_kernel = (CHANNELS, MAP_SIDE, MAP_SIDE) if name == "fc1/kernel" else (inputs, 1, 1)
    return [(outputs, inputs), (outputs, *as_kernel)]


def check_tensors(contents: WeightTensors) -> None:
    """Raise WeightsError unless every tensor of VGG16 is there, with its shape and of floats."""
    for name in required_names(contents.tensors):
        if name not in contents.tensors:
            raise WeightsError(f"{name} is missing")
        stored = contents.tensors[name]
        accepted = accepted_shapes(name, contents.outputs_first)
        if stored.shape not in accepted:
            both = name if stored.name == name else f"{name} ({stored.name})"
            raise WeightsError(f"{both} has the shape {stored.shape}, VGG16's is {accepted[0]}")
        if stored.dtype.kind != "f" or stored.dtype.itemsize > 8:
            raise WeightsError(f"{name} holds {stored.dtype}, not float16, float32 or float64")


def assemble(name: str, stored: Stored, outputs_first: bool) -> np.ndarray:
    """Read the tensor as float32 in its canonical shape; WeightsError if a number isn't finite."""
    array = np.empty(SHAPES[name], np.float32)
    start = 0
    for block in stored.blocks():
        with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinite
            numbers = block.astype(np.float32, copy=False)
        if not np.isfinite(numbers).all():
            raise WeightsError(f"{name} holds numbers that are not finite")
        stop = start + len(numbers)
        if outputs_first:
            array[..., start:stop] = _outputs_last(name, numbers)
        else:
            array[start:stop] = numbers
        start = stop
    return array


def _outputs_last(name: str, block: np.ndarray) -> np.ndarray:
    """Return a block of outputs (n, …) as the canonical layout has them: (…, n)."""
    if name == "fc1/kernel":
        # Channel-height-width becomes height-width-channel.
        return block.reshape(-1, CHANNELS, CELLS).transpose(2, 1, 0).reshape(CELLS * CHANNELS, -1)
    if len(SHAPES[name]) == 4:
        return block.transpose(2, 3, 1, 0)
    return block.reshape(len(block), *SHAPES[name][:-1]).T
