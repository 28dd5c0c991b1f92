"""``.onnx``: the graph's Conv and Gemm nodes, in their order, are VGG16's layers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from ...onnx_file import (
    MODEL_IR_VERSION,
    TENSOR_DIMS,
    TENSOR_FLOATS,
    TENSOR_LOCATION,
    TENSOR_RAW,
    TENSOR_TYPE,
    Graph,
    Node,
    read_graph,
)
from ...protobuf import VARINT, Message
from ...vgg16.architecture import LAYERS
from ..names import DENSE, WeightTensors, by_canonical_name
from ..tensors import Span, Stored, checked_shape, in_file

# TensorProto.DataType.
_TYPES = {1: "<f4", 7: "<i8", 10: "<f2", 11: "<f8"}

# What may stand between VGG16's layers without changing which number comes where.
_PASSED_OVER = {
    *("Relu", "MaxPool", "Flatten", "Reshape", "Dropout", "Softmax"),
    *("Identity", "Constant", "AveragePool"),
}


def is_model(model: Message) -> bool:
    """Check whether the file begins as a ModelProto does, with the version of its format."""
    head = model.data[:2]
    return head[:1] == bytes([MODEL_IR_VERSION << 3 | VARINT]) and head[1:] < b"\x40"


def read(path: Path, model: Message) -> WeightTensors:
    """Find the weights that the graph's Conv and Gemm nodes use."""
    graph = read_graph(model)
    canonical_names: dict[str, str] = {}
    for layer, node in _layers(graph):
        for role, name in zip(("kernel", "bias"), node.inputs[1:], strict=False):
            if name in canonical_names:
                raise WeightsError(f"its graph uses {name} twice")
            if name not in graph.weights:
                raise WeightsError(f"{name} is not among the graph's numbers")
            canonical_names[name] = f"{layer}/{role}"
    stored = [_stored(path, name, graph.weights[name]) for name in canonical_names]
    return WeightTensors("onnx-zoo", True, by_canonical_name(stored, canonical_names))


def _layers(graph: Graph) -> list[tuple[str, Node]]:
    """Return VGG16's layers and their nodes, by the order of the graph."""
    nodes = list(_weighted_nodes(graph))
    layers: list[tuple[str, Node]] = []
    for op, ours in (("Conv", LAYERS), ("Gemm", DENSE)):
        theirs = [node for node in nodes if node.op == op]
        if len(theirs) > len(ours) or (op == "Conv" and len(theirs) < len(ours)):
            raise WeightsError(f"its graph has {len(theirs)} {op} nodes, VGG16's has {len(ours)}")
        layers += zip(ours, theirs, strict=False)
    return layers


def _weighted_nodes(graph: Graph) -> Iterator[Node]:
    """Yield every node with weights; the graph must be one chain."""
    reached: set[str] | None = None
    for node in graph.nodes:
        if node.op == "BatchNormalization":
            raise WeightsError(
                "this is a network with batch normalisation, which VGG16 doesn't have"
            )
        follows = reached is not None and bool(reached & set(node.inputs[:1]))
        if node.op in ("Conv", "Gemm"):
            if reached is not None and not follows:
                raise WeightsError("its graph branches, VGG16's is a chain")
            if node.op == "Gemm":
                _check_gemm(node)
            yield node
            reached = set(node.outputs)
        elif node.op not in _PASSED_OVER:
            raise WeightsError(f"its graph has a node {node.op}, VGG16's has none")
        elif reached is not None and follows:
            reached |= set(node.outputs)


def _check_gemm(node: Node) -> None:
    if node.integers.get("transB") != [1] or node.integers.get("transA", [0]) not in ([], [0]):
        raise WeightsError("a dense layer of its graph is not a Gemm with transB = 1")


def _stored(path: Path, name: str, tensor: Message) -> Stored:
    if tensor.integers(TENSOR_LOCATION) == [1]:
        raise WeightsError(f"the numbers of {name} are in another file")
    kind = tensor.integers(TENSOR_TYPE)
    if len(kind) != 1 or kind[0] not in _TYPES:
        raise WeightsError(f"{name} holds no float16, float32 or float64")
    shape = checked_shape(name, tensor.integers(TENSOR_DIMS))
    parts = list(tensor.messages(TENSOR_RAW)) or list(tensor.messages(TENSOR_FLOATS))
    if len(parts) != 1:
        raise WeightsError(f"the numbers of {name} are not in one piece")
    (part,) = parts
    dtype = np.dtype(_TYPES[kind[0]])
    return in_file(Span(path, part.start, part.stop - part.start), name, dtype, shape)
