"""The layers of VGG16, read from the graph of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ...pictures.sizing import fitted
from ..onnx_file import TENSOR_DIMS, Graph, Node, Port, read_graph
from ..protobuf import open_message

# The operations that a layer table lists: those that have weights, and those that pool or flatten.
_LISTED = {"Conv", "MaxPool", "Gemm", "Reshape", "Softmax"}
_WEIGHTED = {"Conv", "Gemm"}

# What the article, as Keras, calls otherwise than the graph.
_NAMES = {"features": "block5_pool"}

Shape = tuple[int, ...]

# The aspect of the picture whose way is shown, where a network takes any.
_LANDSCAPE = (4, 3)


@dataclass(frozen=True)
class Layer:
    """A layer's name, the shape of its output (channels last, no batch), its parameters."""

    name: str
    shape: Shape
    parameters: int


def layers(file: Path, output: str) -> list[Layer]:
    """Return the layers that ``output`` is computed from, in order, the input first.

    Where the network takes any picture, the shapes are those of one that is 4:3.
    """
    with open_message(file) as model:
        graph = read_graph(model)
        sizes = {
            name: tuple(tensor.integers(TENSOR_DIMS)) for name, tensor in graph.weights.items()
        }
    makers = {name: node for node in graph.nodes for name in node.outputs}
    shapes = _shapes(graph, makers, sizes)
    needed = _ancestors(makers, output)
    listed = [Layer("input", _picture(graph.inputs[0]), 0)]
    for node in graph.nodes:
        name = node.outputs[0]
        if name not in needed or node.op not in _LISTED or ".flat" in name:
            continue
        weights = node.inputs[1:] if node.op in _WEIGHTED else []
        label = _NAMES.get(node.name, node.name).removesuffix(".dense")
        bias = f"{label}.bias"
        if node.op == "Gemm" and bias in sizes and bias not in weights:
            # In int8, it is added after the product.
            weights = [*weights, bias]
        parameters = sum(prod(_weight_shape(makers, sizes, tensor)) for tensor in weights)
        listed.append(Layer(label, shapes[name], parameters))
    return listed


def _shapes(
    graph: Graph, makers: Mapping[str, Node], sizes: Mapping[str, Shape]
) -> dict[str, Shape]:
    """Return the shape of each tensor that pictures pass through: no batch, channels last."""
    shapes = {graph.inputs[0].name: _picture(graph.inputs[0])}
    for node in graph.nodes:
        if node.inputs and node.inputs[0] in shapes:
            weight = _weight_shape(makers, sizes, node.inputs[1]) if node.op in _WEIGHTED else ()
            shapes[node.outputs[0]] = _output_shape(node, shapes[node.inputs[0]], weight)
    return shapes


def _picture(port: Port) -> Shape:
    """Return the shape of a picture, without the batch's axis."""
    sides = tuple(side for side in (port.shape or ())[1:3] if side)
    return (*(sides or fitted(*_LANDSCAPE)), 3)


def _output_shape(node: Node, shape: Shape, weight: Shape) -> Shape:
    """Return the shape that an operation of ours makes of its input's."""
    if node.op == "Conv":
        # With a padding of 1, a kernel of 3 × 3 leaves the sides as they are.
        return (*shape[:-1], weight[0])
    if node.op == "MaxPool":
        windows = zip(node.integers["kernel_shape"], node.integers["strides"], strict=True)
        sides = zip(shape[:-1], windows, strict=True)
        return (*((side - kernel) // stride + 1 for side, (kernel, stride) in sides), shape[-1])
    if node.op == "Gemm":
        return weight[1:]
    if node.op == "Reshape":
        return (prod(shape),)
    return shape


def _ancestors(makers: Mapping[str, Node], output: str) -> set[str]:
    """Return the names of the tensors that ``output`` is computed from, and its own."""
    ancestors: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in ancestors and name in makers:
            ancestors.update(makers[name].outputs)
            waiting.extend(makers[name].inputs)
    return ancestors


def _weight_shape(makers: Mapping[str, Node], sizes: Mapping[str, Shape], tensor: str) -> Shape:
    """Return a weight's shape, also behind the cast or the scaling that a small file has."""
    while tensor not in sizes:
        tensor = makers[tensor].inputs[0]
    return sizes[tensor]
