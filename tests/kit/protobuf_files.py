"""Weights as the ONNX model zoo and Caffe write them, byte by byte where need be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from kit.vgg16_arrays import LAYERS, Arrays, renamed

CAFFE_NAMES = [
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3", "fc6", "fc7", "fc8"),
]


def _zoo_graph(names: Sequence[str], extra_nodes: Sequence[str] = ()) -> onnx.GraphProto:
    """Return the model zoo's graph of the layers that have ``names``, without numbers."""
    nodes, tensor = [], "data"
    for place, layer in enumerate(LAYERS):
        names_here = [name for name in names if name.startswith(f"vgg0_{layer}_")]
        if not names_here:
            continue
        if layer.startswith("block"):
            nodes.append(onnx.helper.make_node("Conv", [tensor, *names_here], [f"x{place}"]))
        else:
            nodes.append(onnx.helper.make_node("Flatten", [tensor], [f"f{place}"]))
            inputs = [f"f{place}", *names_here]
            nodes.append(onnx.helper.make_node("Gemm", inputs, [f"x{place}"], transB=1))
        nodes.append(onnx.helper.make_node("Relu", [f"x{place}"], [f"r{place}"]))
        tensor = f"r{place}"
    for op in extra_nodes:
        nodes.append(onnx.helper.make_node(op, [tensor], [f"{tensor}.{op}"]))
    data = onnx.helper.make_tensor_value_info("data", 1, [1, 3, 224, 224])
    output = onnx.helper.make_tensor_value_info(tensor, 1, None)
    return onnx.helper.make_graph(nodes, "vgg16", [data], [output])


def _zoo_names(arrays: Arrays) -> dict[str, np.ndarray]:
    """Name arrays as the zoo does, in another order: that of initializers means nothing."""
    tensors = renamed(arrays, [f"vgg0_{layer}" for layer in LAYERS], "_weight", "_bias")
    return dict(reversed(tensors.items()))


def write_onnx(file: Path, arrays: Arrays, extra_nodes: Sequence[str] = ()) -> None:
    """Write as the model zoo, with more nodes at the end."""
    tensors = _zoo_names(arrays)
    graph = _zoo_graph(sorted(tensors, reverse=True), extra_nodes)
    graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()
    )
    file.write_bytes(onnx.helper.make_model(graph).SerializeToString())


def write_large_onnx(file: Path, arrays: Arrays) -> None:
    """Write as the model zoo, straight into the file: onnx would hold three copies."""
    tensors = _zoo_names(arrays)
    graph = _zoo_graph(sorted(tensors, reverse=True)).SerializeToString()
    heads = []
    for name, array in tensors.items():
        head = onnx.TensorProto(dims=array.shape, data_type=1, name=name).SerializeToString()
        head += _header(9, array.nbytes)
        heads.append(_header(5, len(head) + array.nbytes) + head)
    size = len(graph) + sum(map(len, heads)) + sum(array.nbytes for array in tensors.values())
    with file.open("wb") as output:
        output.write(onnx.ModelProto(ir_version=3).SerializeToString())
        output.write(_header(7, size) + graph)
        for head, array in zip(heads, tensors.values(), strict=True):
            output.write(head)
            output.write(array.data)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _header(number: int, size: int) -> bytes:
    return _varint(number << 3 | 2) + _varint(size)


def message(number: int, data: bytes) -> bytes:
    """Return a message, or a string, as the field of another message."""
    return _header(number, len(data)) + data


def write_caffe(file: Path, arrays: Arrays, old: bool = True) -> None:
    """Write V1LayerParameter with four sides to every blob, or LayerParameter with shapes."""
    layers, blobs_field, name_field = (2, 6, 4) if old else (100, 7, 1)
    named = dict(zip(LAYERS, CAFFE_NAMES, strict=True))
    with file.open("wb") as output:
        output.write(message(1, b"VGG_ILSVRC_16_layers"))
        output.write(message(layers, message(name_field, b"relu1_1")))
        for layer in dict.fromkeys(name.split("/")[0] for name in arrays):
            blobs = [arrays[f"{layer}/{role}"] for role in ("kernel", "bias")]
            heads = [_blob_sides(blob, old) + _header(5, blob.nbytes) for blob in blobs]
            opened = [
                _header(blobs_field, len(head) + blob.nbytes) + head
                for head, blob in zip(heads, blobs, strict=True)
            ]
            name = message(name_field, named[layer].encode())
            size = len(name) + sum(map(len, opened)) + sum(blob.nbytes for blob in blobs)
            output.write(_header(layers, size) + name)
            for head, blob in zip(opened, blobs, strict=True):
                output.write(head)
                output.write(blob.data)


def _blob_sides(blob: np.ndarray, old: bool) -> bytes:
    if old:
        sides = (*[1] * (4 - blob.ndim), *blob.shape)
        return b"".join(_varint(field << 3) + _varint(side) for field, side in enumerate(sides, 1))
    return message(7, message(1, b"".join(map(_varint, blob.shape))))
