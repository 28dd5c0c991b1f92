"""VGG16's dense layers in int8: weights of 7 bits per output, activations of 8 bits per picture.

fc1's inputs are the last maps, whole numbers already. Of the layers after it, each picture's inputs
are divided by their largest before they are rounded, and the outputs are multiplied by it: a range
that fits every picture, without calibration; no vector depends on the other pictures of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper

from ..vgg16.architecture import (
    CLASSES,
    DENSE,
    FEATURES,
    FLAT,
    INPUT,
    MAP_SIDE,
    PROBABILITIES,
    SIDE,
)
from ..vgg16.graph import Graph, add_l2_norm
from ..vgg16.rmac import EPSILON
from .rounding import WEIGHT_LIMIT

# The steps that are tried for each output, as shares of the one that reaches its largest weight.
# Few weights are so large: cutting them off lets all others be finer.
SHARES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3)

# Columns that are rounded at a time; only a matter of memory.
COLUMNS = 256

# The largest activation as a uint8.
_TOP = 255

_MAPS = f"{FEATURES}_QuantizeLinear_Output"


def round_columns(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whole weights, int8 (in, out), and the step of each output, float32 (out,).

    ``kernel`` is float32 (in, out). Of the steps tried, an output gets the one for which the sum
    of its weights' squared errors is least.
    """
    whole = np.empty(kernel.shape, np.int8)
    steps = np.empty(kernel.shape[1], np.float32)
    for start in range(0, kernel.shape[1], COLUMNS):
        part = slice(start, start + COLUMNS)
        whole[:, part], steps[part] = _round_part(np.ascontiguousarray(kernel[:, part]))
    return whole, steps


def _round_part(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    largest: np.ndarray = np.abs(kernel).max(axis=0)
    # A step of zero would divide by zero; any other does for weights that are all zero.
    longest = np.where(largest > 0, largest, 1) / WEIGHT_LIMIT
    best = np.empty(kernel.shape, np.int8)
    steps = np.empty(kernel.shape[1], np.float32)
    least = np.full(kernel.shape[1], np.inf)
    for share in SHARES:
        tried = (longest * share).astype(np.float32)
        rounded = np.clip(np.rint(kernel / tried), -WEIGHT_LIMIT, WEIGHT_LIMIT)
        errors = np.square(rounded * tried - kernel).sum(axis=0)
        better = errors < least
        best[:, better] = rounded[:, better]
        steps[better], least[better] = tried[better], errors[better]
    return best, steps


def add_dense_layers(model: onnx.ModelProto, *, top: bool) -> list[str]:
    """Add the dense layers to an int8 network of the convolutions, without their weights.

    The network then takes ``images`` uint8 (N, 224, 224, 3) and has the outputs of
    ``graph.full_network``. Returns the layers' names, for each of which the file still needs the
    initializers ``….kernel`` int8 (in, out), ``….step`` and ``….bias`` float32 (out,).
    """
    graph = Graph()
    tensor = _add_first_layer(graph, _scale(model))
    add_l2_norm(graph, tensor, "fc1")
    tensor = graph.add("Relu", [_add_layer(graph, tensor, "fc2")], "fc2.relu")
    add_l2_norm(graph, tensor, "fc2")
    layers = ["fc1", "fc2"]
    if top:
        logits = _add_layer(graph, tensor, PROBABILITIES)
        graph.add("Softmax", [logits], PROBABILITIES, axis=1)
        layers.append(PROBABILITIES)
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.constants.values())
    model.graph.name = "vgg16-int8"
    _declare(model.graph, layers)
    return layers


def _declare(graph: onnx.GraphProto, layers: Sequence[str]) -> None:
    """Write the shapes of the inputs and outputs into the graph."""
    del graph.input[:], graph.output[:], graph.value_info[:]
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    graph.input.append(images)
    channels = FLAT // MAP_SIDE**2
    for name, shape in {
        FEATURES: [channels, MAP_SIDE, MAP_SIDE],
        **{layer: [_width(layer)] for layer in layers},
    }.items():
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        graph.output.append(output)


def _scale(model: onnx.ModelProto) -> str:
    """Return the name of the step of the last maps, which are uint8 with zero at 0."""
    (quantised,) = (node for node in model.graph.node if _MAPS in node.output)
    return str(quantised.input[1])


def _add_first_layer(graph: Graph, scale: str) -> str:
    # Keras flattens height, width, channels.
    turned = graph.add("Transpose", [_MAPS], "maps_hwc", perm=[0, 2, 3, 1])
    shape = graph.constant("flat_shape", np.array([0, -1], np.int64))
    flat = graph.add("Reshape", [turned, shape], "flatten")
    product = _add_product(graph, flat, scale, "fc1")
    return graph.add("Relu", [graph.add("Add", [product, "fc1.bias"], "fc1.sum")], "fc1.relu")


def _add_layer(graph: Graph, tensor: str, layer: str) -> str:
    """Add a layer of inputs that are at least 0; return its sums, before any activation."""
    largest = graph.add("ReduceMax", [tensor], f"{layer}.largest", axes=[1], keepdims=1)
    epsilon = graph.constant("epsilon", np.array(EPSILON, np.float32))
    loudness = graph.add("Max", [largest, epsilon], f"{layer}.loudness")
    shares = graph.add("Div", [tensor, loudness], f"{layer}.shares")
    scale = graph.constant("share_step", np.array(1 / _TOP, np.float32))
    zero = _zero(graph)
    whole = graph.add("QuantizeLinear", [shares, scale, zero], f"{layer}.whole")
    product = _add_product(graph, whole, scale, layer)
    loud = graph.add("Mul", [product, loudness], f"{layer}.loud")
    return graph.add("Add", [loud, f"{layer}.bias"], f"{layer}.sum")


def _add_product(graph: Graph, whole: str, scale: str, layer: str) -> str:
    """Add the product of whole activations and weights, which ONNX Runtime does in int8.

    Only if each of them has a zero, even where it is the usual one.
    """
    inputs = graph.add("DequantizeLinear", [whole, scale, _zero(graph)], f"{layer}.inputs")
    zeros = graph.constant(f"{layer}.zero", np.zeros(_width(layer), np.int8))
    stored = [f"{layer}.kernel", f"{layer}.step", zeros]
    kernel = graph.add("DequantizeLinear", stored, f"{layer}.weights", axis=1)
    return graph.add("Gemm", [inputs, kernel], f"{layer}.dense")


def _width(layer: str) -> int:
    return CLASSES if layer == PROBABILITIES else DENSE


def _zero(graph: Graph) -> str:
    return graph.constant("zero", np.array(0, np.uint8))
