"""The layers of a network, read from its graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx

# What a layer table names: the operations that have weights, and those that pool or flatten.
_LISTED = {"Conv", "MaxPool", "Gemm", "Reshape", "Softmax"}
_WEIGHTED = {"Conv", "Gemm"}

# What the article, as Keras, calls otherwise than the graph.
_NAMES = {"features": "block5_pool"}

# Larger tensors are weights, whose numbers no shape depends on.
_SMALL = 64


@dataclass(frozen=True)
class Layer:
    """A layer's name, the shape of its output (channels last, no batch), its parameters."""

    name: str
    shape: tuple[int, ...]
    parameters: int


def layers(file: Path, output: str) -> list[Layer]:
    """The layers that ``output`` is computed from, in order, the input first."""
    model = onnx.load(file)
    sizes = {tensor.name: prod(tensor.dims) for tensor in model.graph.initializer}
    shapes = _shapes(model)
    makers = {name: node for node in model.graph.node for name in node.output}
    needed = _ancestors(makers, output)
    found = [Layer("input", shapes[model.graph.input[0].name], 0)]
    for node in model.graph.node:
        name = node.output[0]
        if name not in needed or node.op_type not in _LISTED or ".flat" in name:
            continue
        weights = node.input[1:] if node.op_type in _WEIGHTED else []
        parameters = sum(_parameters(makers, sizes, tensor) for tensor in weights)
        label = _NAMES.get(node.name, node.name).removesuffix(".dense")
        found.append(Layer(label, shapes[name], parameters))
    return found


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Every tensor's shape without the batch, channels last."""
    graph = model.graph
    for tensor in graph.initializer:
        if prod(tensor.dims) > _SMALL:
            # Its shape stays; half a gigabyte needn't be copied to infer the others'.
            tensor.ClearField("raw_data")
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        dims = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)[1:]
        maps = len(dims) == 3 and value.name != graph.input[0].name
        shapes[value.name] = (*dims[1:], dims[0]) if maps else dims
    return shapes


def _ancestors(makers: Mapping[str, onnx.NodeProto], output: str) -> set[str]:
    found: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in found and name in makers:
            found.update(makers[name].output)
            waiting.extend(makers[name].input)
    return found


def _parameters(makers: Mapping[str, onnx.NodeProto], sizes: Mapping[str, int], tensor: str) -> int:
    """The numbers in a weight, also behind the cast or the scaling that a small file has."""
    while tensor not in sizes:
        tensor = makers[tensor].input[0]
    return sizes[tensor]
