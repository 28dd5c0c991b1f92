"""Where a network can run: on the processor, or on what ONNX Runtime has a provider for."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import RevimgError
from ..pictures.decoding import SIDE
from .pixels import Pixels, prepare

if TYPE_CHECKING:
    import onnxruntime

# The lowest cosine, of any picture of the sample, between a device's vector and the processor's.
AGREEMENT = 0.999

# Pictures that a device is tried out on.
_SAMPLE = 4

# Pixels of the sides of their patches: a patch a cell of VGG16's last maps.
_PATCH = 32


@dataclass(frozen=True)
class Device:
    """A device: its ``name``, what its ``provider`` is called, and how to ``install`` that."""

    name: str
    title: str
    provider: str
    install: str


_ALL = (
    Device(
        name="cuda",
        title="CUDA",
        provider="CUDAExecutionProvider",
        install="pip install onnxruntime-gpu[cuda,cudnn]",
    ),
    Device(
        name="coreml",
        title="Core ML",
        provider="CoreMLExecutionProvider",
        install="it comes with onnxruntime on macOS",
    ),
    Device(
        name="openvino",
        title="OpenVINO",
        provider="OpenVINOExecutionProvider",
        install="pip install onnxruntime-openvino",
    ),
    Device(
        name="directml",
        title="DirectML",
        provider="DmlExecutionProvider",
        install="on Windows, pip install onnxruntime-directml",
    ),
)

DEVICES = ("auto", "cpu", *(device.name for device in _ALL))

# Core ML is left out: it takes quantised networks only in pieces, and minutes to compile others.
_AUTOMATIC = ("cuda", "directml", "openvino")


def choose(name: str) -> Device | None:
    """Return the device of this name, None for the processor.

    ``auto`` is the first of CUDA, DirectML and OpenVINO that there is a provider for, and an
    NVIDIA driver for CUDA. Raises RevimgError for another one that there is no provider for.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    there = {device.name: device for device in _ALL if device.provider in available}
    if name == "auto":
        names = [each for each in _AUTOMATIC if each != "cuda" or has_nvidia_driver()]
        return next((there[each] for each in names if each in there), None)
    wanted = next((device for device in _ALL if device.name == name), None)
    if wanted and wanted.name not in there:
        raise RevimgError(
            f"this ONNX Runtime has no {wanted.title}, only {', '.join(['cpu', *there])}: "
            f"{wanted.install}, in place of the package that is here, or use cpu"
        )
    return wanted


def has_nvidia_driver() -> bool:
    """Check whether asking for CUDA has a chance; asking without a driver is slow and noisy."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def lowest_cosine(
    session: onnxruntime.InferenceSession,
    reference: onnxruntime.InferenceSession,
    pixels: Pixels | None,
) -> float:
    """Return the lowest cosine between the vectors that two sessions of a network give.

    They get a seeded sample of pictures; every output that is a vector counts. ``pixels`` describes
    a model of the user's own.
    """
    names = [output.name for output in reference.get_outputs() if len(output.shape) == 2]
    lowest = 1.0
    for picture in _sample(reference, pixels):
        batch = picture[np.newaxis]
        prepared = prepare(batch, pixels) if pixels else batch
        inputs = {each.name: prepared for each in reference.get_inputs()}
        results = zip(session.run(names, inputs), reference.run(names, inputs), strict=True)
        lowest = min([lowest, *(_cosine(ours[0], theirs[0]) for ours, theirs in results)])
    return lowest


def _sample(session: onnxruntime.InferenceSession, pixels: Pixels | None) -> Sequence[np.ndarray]:
    """Return pictures of coloured patches, uint8 (height, width, 3), as large as it takes them."""
    if pixels:
        height, width = pixels.size
    else:
        # Names stand for sizes that are free.
        sides = session.get_inputs()[0].shape[1:3]
        height, width = (side if isinstance(side, int) else SIDE for side in sides)
    cells = -(-height // _PATCH), -(-width // _PATCH)
    patches = np.random.default_rng(0).integers(0, 256, (_SAMPLE, *cells, 3), dtype=np.uint8)
    block = np.ones((_PATCH, _PATCH, 1), np.uint8)
    return [np.kron(each, block)[:height, :width] for each in patches]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    if np.array_equal(a, b):
        return 1.0
    cosine = float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), np.finfo(float).tiny))
    return cosine if np.isfinite(cosine) else -1.0
