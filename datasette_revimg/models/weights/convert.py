"""Weights → one ONNX file, a tensor at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from onnx import TensorProto, helper

from ..vgg16.architecture import Preprocessing
from ..vgg16.graph import Load, full_network

# Tags of the protobuf fields that hold an initialiser: ModelProto.graph (7),
# GraphProto.initializer (5), TensorProto.raw_data (9), each length-delimited (wire type 2).
# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, https://protobuf.dev/programming-guides/encoding/
_GRAPH, _INITIALIZER, _RAW_DATA = b"\x3a", b"\x2a", b"\x4a"


def write_network(
    file: Path, load: Load, preprocessing: Preprocessing, *, top: bool, float16: bool
) -> str:
    """Write the network and return the identity of its weights, a SHA-256.

    ``load`` returns an array of the weights by its Keras name. The identity is that of the
    numbers, not of the file they came in: the same weights get it from any format, rounding to
    float16 changes it.

    A protobuf message may arrive in pieces, which its readers merge: every tensor is written
    straight from its array, so that only one of them is in memory.
    """
    graph, model = full_network(preprocessing, top=top, float16=float16)
    identity = hashlib.sha256(preprocessing.name.encode())
    with file.open("wb") as output:
        output.write(model.SerializeToString())
        for name, parameter in sorted(graph.parameters.items()):
            array = graph.array(name, load)
            if array.shape != parameter.shape:
                raise AssertionError(f"{name} is {array.shape}, not {parameter.shape}")
            identity.update(name.encode() + array.dtype.str.encode())
            identity.update(array.data)
            _write_initializer(output, name, array)
    return identity.hexdigest()


def _write_initializer(output: BinaryIO, name: str, array: np.ndarray) -> None:
    header = TensorProto(
        name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype)
    ).SerializeToString()
    header += _RAW_DATA + _varint(array.nbytes)
    initializer = _INITIALIZER + _varint(len(header) + array.nbytes)
    graph = _GRAPH + _varint(len(initializer) + len(header) + array.nbytes)
    output.write(graph + initializer + header)
    output.write(array.data)


def _varint(number: int) -> bytes:
    """Base 128, least significant group first, the high bit saying that more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
