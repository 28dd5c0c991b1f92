"""ONNX files, read without the onnx library: their graph, and whether weights lie elsewhere.

The library takes a second to import and reads all weights into memory. The fields' numbers are
those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import RevimgError
from .protobuf import BYTES, Message, ProtobufError, inner, open_message

MODEL_IR_VERSION, MODEL_GRAPH = 1, 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OP, NODE_ATTRIBUTE = 1, 2, 3, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_INT, ATTRIBUTE_INTS = 1, 3, 8
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS = 1, 2, 4
TENSOR_NAME, TENSOR_RAW, TENSOR_LOCATION = 8, 9, 14
VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR, TYPE_ELEMENT, TYPE_SHAPE = 1, 1, 2
SHAPE_DIM, DIM_VALUE = 1, 1

# TensorProto.DataType, from 0 on.
TYPE_NAMES = (
    *("undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string"),
    *("bool", "float16", "double", "uint32", "uint64", "complex64", "complex128", "bfloat16"),
    *("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4"),
)

# Every way from a model to its tensors: kind of message → field → kind of message.
_WAYS_TO_TENSORS = {
    "model": {MODEL_GRAPH: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {GRAPH_NODE: "node", GRAPH_INITIALIZER: "tensor", 15: "sparse tensor"},
    "node": {NODE_ATTRIBUTE: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
}


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    ``type`` is one of TYPE_NAMES, empty when it is no tensor. A free side of ``shape`` is None,
    and so is a shape that the file doesn't say.
    """

    name: str
    type: str
    shape: tuple[int | None, ...] | None

    @property
    def shape_text(self) -> str:
        """The shape as errors show it; a free side is a question mark."""
        if self.shape is None:
            return "no known shape"
        return f"({', '.join('?' if side is None else str(side) for side in self.shape)})"


@dataclass(frozen=True)
class Node:
    """An operation of a graph, with those of its attributes that are whole numbers."""

    name: str
    op: str
    inputs: list[str]
    outputs: list[str]
    integers: Mapping[str, list[int]]


@dataclass(frozen=True)
class Graph:
    """A model's graph; its weights are TensorProto messages that still lie in the file.

    ``inputs`` are without the weights, which old files list among them.
    """

    inputs: list[Port]
    outputs: list[Port]
    nodes: list[Node]
    weights: Mapping[str, Message]


def read_graph(model: Message) -> Graph:
    """Return the graph of a ModelProto; ProtobufError when it isn't whole."""
    graph = list(model.messages(MODEL_GRAPH))
    weights = {
        name: tensor
        for tensor in inner(graph, GRAPH_INITIALIZER)
        for name in tensor.texts(TENSOR_NAME)
    }
    inputs = [_port(value) for value in inner(graph, GRAPH_INPUT)]
    return Graph(
        inputs=[port for port in inputs if port.name not in weights],
        outputs=[_port(value) for value in inner(graph, GRAPH_OUTPUT)],
        nodes=[_node(node) for node in inner(graph, GRAPH_NODE)],
        weights=weights,
    )


def read_ports(file: Path) -> tuple[list[Port], list[Port]]:
    """Return the inputs and the outputs of a model of the user's own.

    RevimgError, naming the file, when it isn't ONNX, or when it has weights in other files: those
    aren't in its hash, and ONNX Runtime would read whatever file they name.
    """
    try:
        with open_message(file) as model:
            graph = read_graph(model)
            elsewhere = _has_weights_elsewhere(model)
    except OSError as error:
        raise RevimgError(f"{file} can't be read: {error.strerror}") from error
    except ProtobufError as error:
        raise RevimgError(f"{file} is not an ONNX file, or it is damaged: {error}") from error
    if not graph.nodes or not graph.outputs:
        # An empty file is an empty message, and so are some that are not empty.
        raise RevimgError(f"{file} is not an ONNX file, or it has no network in it")
    if elsewhere:
        raise RevimgError(
            f"{file} keeps weights in other files, which its hash doesn't cover: save it as one "
            f"file, in Python with onnx.save(onnx.load({file.name!r}), 'one.onnx')"
        )
    return graph.inputs, graph.outputs


def _has_weights_elsewhere(model: Message) -> bool:
    """Check every tensor of a ModelProto; a loop, as graphs may lie in graphs without end."""
    waiting = [("model", model)]
    while waiting:
        kind, message = waiting.pop()
        if kind == "tensor":
            # 1 is another file; whatever other numbers mean, it isn't this file.
            if any(message.integers(TENSOR_LOCATION)):
                return True
            continue
        ways = _WAYS_TO_TENSORS[kind]
        waiting += [
            (ways[field.number], Message(message.data, field.start, field.stop))
            for field in message.fields()
            if field.wire == BYTES and field.number in ways
        ]
    return False


def _node(node: Message) -> Node:
    return Node(
        name="".join(node.texts(NODE_NAME)),
        op="".join(node.texts(NODE_OP)),
        inputs=node.texts(NODE_INPUT),
        outputs=node.texts(NODE_OUTPUT),
        integers={
            name: attribute.integers(ATTRIBUTE_INT) or attribute.integers(ATTRIBUTE_INTS)
            for attribute in node.messages(NODE_ATTRIBUTE)
            for name in attribute.texts(ATTRIBUTE_NAME)
        },
    )


def _port(value: Message) -> Port:
    names = value.texts(VALUE_NAME)
    tensors = inner(list(value.messages(VALUE_TYPE)), TYPE_TENSOR)
    elements = [element for tensor in tensors for element in tensor.integers(TYPE_ELEMENT)]
    shapes = inner(tensors, TYPE_SHAPE)
    shape = tuple(_side(side) for side in inner(shapes, SHAPE_DIM)) if shapes else None
    return Port(names[-1] if names else "", _type_name(elements[-1] if elements else 0), shape)


def _side(dim: Message) -> int | None:
    """Return the side's length; some exporters write -1 for a free one."""
    values = dim.integers(DIM_VALUE)
    return values[-1] if values and 0 < values[-1] < 2**63 else None


def _type_name(element: int) -> str:
    if not element:
        return ""
    return TYPE_NAMES[element] if element < len(TYPE_NAMES) else f"numbers of type {element}"
