"""Files of VGG16's weights in every format."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kit.protobuf_files import write_caffe, write_onnx
from kit.torch_files import write_torch_legacy, write_torch_zip
from kit.vgg16_arrays import LAYERS, Arrays, swapped, torchvision_names


def write_keras_official(file: Path, arrays: Arrays) -> None:
    """Write as Keras' published file is."""
    with h5py.File(file, "w") as archive:
        for name, array in arrays.items():
            layer, role = name.split("/")
            archive[f"{layer}/{layer}_{'W' if role == 'kernel' else 'b'}_1:0"] = array
        archive.create_group("block1_pool")
        archive.create_group("flatten")


def write_keras_numbered(file: Path, arrays: Arrays) -> None:
    """Write as the first versions of Keras 3: layers have a class and a number, no names."""
    with h5py.File(file, "w") as archive:
        for name, array in arrays.items():
            layer, role = name.split("/")
            kind = "conv2d" if layer.startswith("block") else "dense"
            number = LAYERS.index(layer) - (13 if kind == "dense" else 0)
            group = f"layers/{kind}_{number}" if number else f"layers/{kind}"
            archive[f"{group}/vars/{int(role == 'bias')}"] = array
        archive["optimizer/vars/0"] = np.zeros(3)


def write_npz(file: Path, arrays: Arrays) -> None:
    """Write an .npz archive under any name: numpy would add its own suffix."""
    named: dict[str, Any] = dict(arrays)
    with file.open("wb") as archive:
        np.savez(archive, **named)


def write_safetensors(file: Path, tensors: Arrays) -> None:
    """Write a .safetensors byte by byte."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, array in tensors.items():
        span = [position, position + array.nbytes]
        kind = {2: "F16", 4: "F32", 8: "F64"}[array.itemsize]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": span}
        position += array.nbytes
    data = json.dumps(header).encode()
    with file.open("wb") as output:
        output.write(struct.pack("<Q", len(data)) + data)
        for array in tensors.values():
            output.write(array.data)


# Writers of files that have only the convolutions, by format: the outputs-first arrays, and ours.
# Without the top, which is a tenth of the size.

LITTLE: dict[str, Callable[[Path, Arrays, Arrays], None]] = {
    "keras-h5": lambda file, theirs, ours: write_keras_official(file, ours),
    "keras-numbered": lambda file, theirs, ours: write_keras_numbered(file, ours),
    "npz": lambda file, theirs, ours: write_npz(file, ours),
    "safetensors": lambda file, theirs, ours: write_safetensors(file, torchvision_names(theirs)),
    "torch-zip": lambda file, theirs, ours: write_torch_zip(file, torchvision_names(theirs)),
    "torch-legacy": lambda file, theirs, ours: write_torch_legacy(file, torchvision_names(theirs)),
    "onnx": lambda file, theirs, ours: write_onnx(file, theirs),
    "caffe": lambda file, theirs, ours: write_caffe(file, theirs),
    "caffe-new": lambda file, theirs, ours: write_caffe(file, theirs, old=False),
}


def write_little(kind: str, file: Path, arrays: Arrays) -> Path:
    """Write arrays as this format has them, and return the file."""
    theirs = {name: swapped(name, array) for name, array in arrays.items()}
    LITTLE[kind](file, theirs, arrays)
    return file
