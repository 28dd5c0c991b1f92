"""VGG16's weights become one ONNX file, a tensor at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..int8.dense import add_dense_layers, round_columns
from ..onnx_file import GRAPH_INITIALIZER, MODEL_GRAPH, TENSOR_RAW
from ..protobuf import field_header
from ..vgg16.architecture import Preprocessing
from ..vgg16.graph import Load, build_rmac, full_network
from ..vgg16.tail import Tail


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


def write_rmac(
    file: Path, load: Load, preprocessing: Preprocessing, tail: Tail, *, float16: bool
) -> None:
    """Write the network of R-MAC vectors, the convolutions of these weights with this tail."""
    model = build_rmac(load, preprocessing, tail, float16=float16)
    file.write_bytes(model.SerializeToString())


def write_int8(file: Path, convolutions: onnx.ModelProto, load: Load, *, top: bool) -> str:
    """Write the int8 network of these convolutions, which it changes, and return its identity.

    ``load`` returns the arrays of the dense layers. The identity is a SHA-256 of the numbers in the
    network, those of the convolutions included. One dense layer is in memory at a time.
    """
    layers = add_dense_layers(convolutions, top=top)
    identity = hashlib.sha256()
    for tensor in sorted(convolutions.graph.initializer, key=lambda tensor: tensor.name):
        identity.update(tensor.name.encode() + numpy_helper.to_array(tensor).tobytes())
    with file.open("wb") as output:
        output.write(convolutions.SerializeToString())
        for layer in layers:
            whole, steps = round_columns(load(f"{layer}/kernel"))
            arrays = {"kernel": whole, "step": steps, "bias": load(f"{layer}/bias")}
            for role, array in arrays.items():
                name = f"{layer}.{role}"
                identity.update(name.encode())
                identity.update(array.data)
                _write_initializer(output, name, array)
    return identity.hexdigest()


def _write_initializer(output: BinaryIO, name: str, array: np.ndarray) -> None:
    header = TensorProto(
        name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype)
    ).SerializeToString()
    header += field_header(TENSOR_RAW, array.nbytes)
    initializer = field_header(GRAPH_INITIALIZER, len(header) + array.nbytes) + header
    graph = field_header(MODEL_GRAPH, len(initializer) + array.nbytes)
    output.write(graph + initializer)
    output.write(array.data)
