"""``.onnx``: the graph's Conv and Gemm nodes, in their order, are VGG16's layers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from ...onnx_file import (
    ATTRIBUTE_INT,
    ATTRIBUTE_NAME,
    GRAPH_INITIALIZER,
    GRAPH_NODE,
    MODEL_GRAPH,
    MODEL_IR_VERSION,
    NODE_ATTRIBUTE,
    NODE_INPUT,
    NODE_OP,
    NODE_OUTPUT,
    TENSOR_DIMS,
    TENSOR_FLOATS,
    TENSOR_NAME,
    TENSOR_PLACE,
    TENSOR_RAW,
    TENSOR_TYPE,
)
from ...protobuf import VARINT, Message
from ...vgg16.architecture import LAYERS
from ..names import DENSE, WeightTensors, canonical
from ..tensors import Stored, checked_shape, in_file

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
    """Find the initializers that the graph's Conv and Gemm nodes use."""
    graphs = list(model.messages(MODEL_GRAPH))
    if len(graphs) != 1:
        raise WeightsError("it has no graph in one piece")
    (graph,) = graphs
    initializers = {
        name: tensor
        for tensor in graph.messages(GRAPH_INITIALIZER)
        for name in tensor.texts(TENSOR_NAME)
    }
    known = {}
    for layer, inputs in _layers(graph):
        for role, name in zip(("kernel", "bias"), inputs[1:], strict=False):
            if name in known:
                raise WeightsError(f"its graph uses {name} twice")
            if name not in initializers:
                raise WeightsError(f"{name} is not among the graph's numbers")
            known[name] = f"{layer}/{role}"
    stored = [_stored(path, name, initializers[name]) for name in known]
    return WeightTensors("onnx-zoo", True, canonical(stored, known))


def _layers(graph: Message) -> list[tuple[str, list[str]]]:
    """VGG16's layers, by the order of the graph, with their nodes' inputs."""
    nodes = list(_weighted_nodes(graph))
    layers: list[tuple[str, list[str]]] = []
    for op, ours in (("Conv", LAYERS), ("Gemm", DENSE)):
        theirs = [inputs for kind, inputs in nodes if kind == op]
        if len(theirs) > len(ours) or (op == "Conv" and len(theirs) < len(ours)):
            raise WeightsError(f"its graph has {len(theirs)} {op} nodes, VGG16's has {len(ours)}")
        layers += zip(ours, theirs, strict=False)
    return layers


def _weighted_nodes(graph: Message) -> Iterator[tuple[str, list[str]]]:
    """The operator and the inputs of every node with weights; the graph must be one chain."""
    reached: set[str] | None = None
    for node in graph.messages(GRAPH_NODE):
        op = "".join(node.texts(NODE_OP))
        inputs, outputs = node.texts(NODE_INPUT), node.texts(NODE_OUTPUT)
        if op == "BatchNormalization":
            raise WeightsError("this is a network with batch normalisation, which VGG16 has not")
        if op in ("Conv", "Gemm"):
            if reached is not None and not reached & set(inputs[:1]):
                raise WeightsError("its graph branches, VGG16's is a chain")
            if op == "Gemm":
                _check_gemm(node)
            yield op, inputs
            reached = set(outputs)
        elif op not in _PASSED_OVER:
            raise WeightsError(f"its graph has a node {op}, VGG16's has none")
        elif reached is not None and reached & set(inputs[:1]):
            reached |= set(outputs)


def _check_gemm(node: Message) -> None:
    attributes = {
        name: attribute.integers(ATTRIBUTE_INT)
        for attribute in node.messages(NODE_ATTRIBUTE)
        for name in attribute.texts(ATTRIBUTE_NAME)
    }
    if attributes.get("transB") != [1] or attributes.get("transA", [0]) not in ([], [0]):
        raise WeightsError("a dense layer of its graph is not a Gemm with transB = 1")


def _stored(path: Path, name: str, tensor: Message) -> Stored:
    if tensor.integers(TENSOR_PLACE) == [1]:
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
    return in_file(path, name, dtype, shape, part.start, part.stop - part.start)
