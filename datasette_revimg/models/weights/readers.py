"""Weight files of any origin become named arrays, laid out as Keras has them.

A file's format is recognised by its content, never by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import WeightsError
from ..protobuf import ProtobufError, open_message
from ..vgg16.architecture import LAYERS
from . import zips
from .formats import caffe, keras, npz, onnx, safetensors, torch
from .names import WeightTensors, assemble, check_tensors, required_names
from .origins import Origin, fingerprint, recognise

FORMATS = (
    "Keras' .h5 and .keras, torchvision's .pth, .safetensors, the ONNX model zoo's .onnx, "
    "Caffe's .caffemodel and .npz"
)
HEAD_BYTES = 16


@dataclass(frozen=True)
class WeightFile:
    """A file that has VGG16's tensors; none of them is in memory yet.

    ``layout`` is keras-h5, keras-zip, torchvision, timm, safetensors, onnx-zoo, caffe or npz.
    ``origin`` is None when the file isn't one of the known ones: an unknown training.
    """

    path: Path
    sha256: str
    origin: Origin | None
    layout: str
    _contents: WeightTensors = field(repr=False, compare=False)

    def names(self) -> list[str]:
        """Return the names of the file's tensors, from the first layer to the last.

        ``block1_conv1/kernel``, ``block1_conv1/bias`` … to ``block5_conv3/bias``; then those of
        fc1 and fc2, and of predictions, unless the file is without its top.
        """
        return required_names(self._contents.tensors)

    def convolutions(self) -> dict[str, np.ndarray]:
        """Return VGG16's 13 convolutions: kernels (3, 3, in, out) and biases (out,), float32."""
        return {name: self.array(name) for name in self.names() if name.split("/")[0] in LAYERS}

    def array(self, name: str) -> np.ndarray:
        """Read one tensor as float32.

        Convolutions' kernels are (3, 3, in, out); ``fc1/kernel`` is (25088, 4096), its first
        axis over height, width, channel; ``fc2/kernel`` and ``predictions/kernel`` are (in, out);
        biases (out,). Takes the memory of the array and one block of 16 MB besides. WeightsError
        when the file lacks it or is damaged.
        """
        with _naming(self.path):
            if name not in self.names():
                raise WeightsError(f"{name} is missing")
            stored = self._contents.tensors[name]
            return assemble(name, stored, self._contents.outputs_first)


def open_weights(path: Path) -> WeightFile:
    """Find VGG16's tensors in the file and check that all are there, in the right shapes.

    WeightsError, one sentence with the file and the tensor, when it is anything else.
    """
    with _naming(path):
        contents = _contents(path)
        check_tensors(contents)
        hashes = fingerprint(path)
    return WeightFile(path, hashes.sha256, recognise(hashes), contents.layout, contents)


def read_convolutions(file: Path) -> dict[str, np.ndarray]:
    """Read VGG16's 13 convolutions as float32: kernels (3, 3, in, out), biases (out,)."""
    return open_weights(file).convolutions()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name before every error."""
    try:
        yield
    except (WeightsError, ProtobufError) as error:
        raise WeightsError(f"{path}: {error}") from error
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}") from error


def _contents(path: Path) -> WeightTensors:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(keras.SIGNATURE):
        return keras.read(path, "keras-h5")
    if head.startswith(zips.SIGNATURE):
        return _zip_contents(path)
    if head.startswith(torch.LEGACY_SIGNATURE):
        return torch.read_legacy(path)
    if safetensors.looks_like(head):
        return safetensors.read(path)
    return _protobuf_contents(path)


def _zip_contents(path: Path) -> WeightTensors:
    members = zips.members(path)
    if keras.MEMBER in members:
        return keras.read(zips.span(path, members[keras.MEMBER]), "keras-zip")
    if any(name.endswith(torch.PICKLE) for name in members):
        return torch.read_zip(path, members)
    if any(name.endswith(npz.SUFFIX) for name in members):
        return npz.read(path, members)
    raise _unknown()


def _protobuf_contents(path: Path) -> WeightTensors:
    with open_message(path) as message:
        if not message.stop:
            raise WeightsError("the file is empty")
        if onnx.is_model(message):
            return onnx.read(path, message)
        if caffe.is_net(message):
            return caffe.read(path, message)
    raise _unknown()


def _unknown() -> WeightsError:
    return WeightsError(f"this isn't a file of weights; {FORMATS} can be read")
