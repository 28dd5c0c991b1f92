"""VGG16 as an ONNX graph: uint8 pictures in, L2-normalised embeddings out.

Architecture: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", 2014, configuration D. R-MAC: see rmac.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .architecture import (
    BLOCKS,
    CLASSES,
    DENSE,
    EMBEDDING,
    FEATURES,
    FLAT,
    INPUT,
    LAYERS,
    MAP_SIDE,
    PROBABILITIES,
    SIDE,
    Preprocessing,
    conv_shapes,
)
from .rmac import EPSILON, RMAC_LEVELS, rmac_regions

_MAPS = [BLOCKS[-1][0], MAP_SIDE, MAP_SIDE]

# Opset 17 / IR 8 are read by every ONNX Runtime since 1.12.
OPSET = 17
IR_VERSION = 8


# Returns an array of the weights by its name.
Load = Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Parameter:
    """A tensor of the graph that is made from the weights when the file is written.

    Kept apart from the graph, so that half a gigabyte needn't be in memory at once.
    """

    weight: str  # its name among the weights
    shape: tuple[int, ...]  # in the graph
    arrange: Callable[[np.ndarray], np.ndarray]  # from Keras' layout to the graph's


class Graph:
    """A graph in the making: nodes, small constants and parameters."""

    def __init__(self, float16: bool = False) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.parameters: dict[str, Parameter] = {}
        self.dtype = np.dtype(np.float16 if float16 else np.float32)

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a small array that is no weight; return its name."""
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def parameter(
        self,
        weight: str,
        shape: tuple[int, ...],
        arrange: Callable[[np.ndarray], np.ndarray] = lambda array: array,
    ) -> str:
        """Add a weight; return the name of the tensor, float32, that holds it."""
        name = weight.replace("/", ".")
        self.parameters[name] = Parameter(weight, shape, arrange)
        if self.dtype == np.float32:
            return name
        # Half the bytes in the file; ONNX Runtime folds the cast when it loads the model.
        return self.add("Cast", [name], f"{name}.float32", to=TensorProto.FLOAT)

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def array(self, name: str, load: Load) -> np.ndarray:
        """Return a parameter's array, contiguous, as the graph holds it."""
        parameter = self.parameters[name]
        return np.ascontiguousarray(parameter.arrange(load(parameter.weight)), self.dtype)


def build_rmac(weights: Mapping[str, np.ndarray], preprocessing: Preprocessing) -> onnx.ModelProto:
    """Build the float32 network of R-MAC vectors.

    It takes ``images`` uint8 (N, 224, 224, 3) RGB and returns ``embedding`` float32 (N, 512), unit
    vectors. A second output, ``features`` float32 (N, 512, 7, 7), holds the last block's maps.
    """
    graph = Graph()
    maps = _add_convolutions(graph, _add_preprocessing(graph, preprocessing), preprocessing)
    _add_rmac(graph, maps, EMBEDDING)
    model = _model(graph, "vgg16-rmac", {EMBEDDING: [BLOCKS[-1][0]], FEATURES: _MAPS})
    for name in graph.parameters:
        array = graph.array(name, weights.__getitem__)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    onnx.checker.check_model(model)
    return model


def full_network(
    preprocessing: Preprocessing, *, top: bool, float16: bool = False
) -> tuple[Graph, onnx.ModelProto]:
    """Build the whole network without its parameters: one graph for all of VGG16's vectors.

    Outputs, each L2-normalised float32: ``fc2`` (N, 4096), ``fc1`` (N, 4096), both after ReLU,
    ``rmac`` (N, 512); ``features`` (N, 512, 7, 7); with ``top`` also ``predictions`` (N, 1000),
    the probabilities of ImageNet's classes.
    """
    graph = Graph(float16)
    maps = _add_convolutions(graph, _add_preprocessing(graph, preprocessing), preprocessing)
    _add_rmac(graph, maps, "rmac")
    outputs: dict[str, list[int]] = {FEATURES: _MAPS, "rmac": [BLOCKS[-1][0]]}
    # Keras flattens height, width, channels. Turning the maps spares half a gigabyte of weights.
    turned = graph.add("Transpose", [maps], "maps_hwc", perm=[0, 2, 3, 1])
    shape = graph.constant("flat_shape", np.array([0, -1], np.int64))
    tensor = graph.add("Reshape", [turned, shape], "flatten")
    width = FLAT
    for layer in ("fc1", "fc2"):
        tensor = graph.add(
            "Relu", [_add_dense(graph, tensor, layer, (width, DENSE))], f"{layer}.relu"
        )
        _add_l2_norm(graph, tensor, layer)
        outputs[layer] = [DENSE]
        width = DENSE
    if top:
        logits = _add_dense(graph, tensor, "predictions", (DENSE, CLASSES))
        graph.add("Softmax", [logits], PROBABILITIES, axis=1)
        outputs[PROBABILITIES] = [CLASSES]
    return graph, _model(graph, "vgg16", outputs)


def _add_dense(graph: Graph, tensor: str, layer: str, shape: tuple[int, int]) -> str:
    kernel = graph.parameter(f"{layer}/kernel", shape)
    bias = graph.parameter(f"{layer}/bias", shape[1:])
    return graph.add("Gemm", [tensor, kernel, bias], f"{layer}.dense")


def _model(graph: Graph, name: str, outputs: Mapping[str, Sequence[int]]) -> onnx.ModelProto:
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [images],
            [
                helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", *shape])
                for output, shape in outputs.items()
            ],
            initializer=list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="datasette-revimg",
    )


def _add_preprocessing(graph: Graph, preprocessing: Preprocessing) -> str:
    # Transposed while still uint8: a quarter of the bytes to move.
    planes = graph.add("Transpose", [INPUT], "planes", perm=[0, 3, 1, 2])
    pixels = graph.add("Cast", [planes], "pixels", to=TensorProto.FLOAT)
    mean = np.array(preprocessing.mean, np.float32).reshape(1, 3, 1, 1)
    return graph.add("Sub", [pixels, graph.constant("mean", mean)], "centred")


def _add_convolutions(graph: Graph, tensor: str, preprocessing: Preprocessing) -> str:
    def outputs_first(kernel: np.ndarray) -> np.ndarray:
        return kernel.transpose(3, 2, 0, 1)

    def first(kernel: np.ndarray) -> np.ndarray:
        return outputs_first(_for_rgb(kernel, preprocessing))

    for layer, (height, width, channels, filters) in conv_shapes().items():
        kernel = graph.parameter(
            f"{layer}/kernel",
            (filters, channels, height, width),
            first if layer == LAYERS[0] else outputs_first,
        )
        bias = graph.parameter(f"{layer}/bias", (filters,))
        tensor = graph.add(
            "Conv", [tensor, kernel, bias], layer, kernel_shape=[3, 3], pads=[1, 1, 1, 1]
        )
        tensor = graph.add("Relu", [tensor], f"{layer}.relu")
        block, conv = int(layer[5]), int(layer[-1])
        if conv == BLOCKS[block - 1][1]:
            name = FEATURES if layer == LAYERS[-1] else f"block{block}_pool"
            tensor = graph.add("MaxPool", [tensor], name, kernel_shape=[2, 2], strides=[2, 2])
    return tensor


def _for_rgb(kernel: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Return the first kernel (3, 3, in, out) for centred RGB: channel order and std folded in.

    The mean can't be folded into the bias: the convolution pads with zeros *after* the
    subtraction, and zero there means "the mean colour".
    """
    if preprocessing.order == "BGR":
        kernel = kernel[:, :, ::-1, :]
    return kernel / np.array(preprocessing.std, np.float32).reshape(1, 1, 3, 1)


def _add_rmac(graph: Graph, maps: str, output: str) -> None:
    channels = BLOCKS[-1][0]
    flat = graph.constant("flat", np.array([0, channels, -1], np.int64))
    levels = []
    for level in range(1, RMAC_LEVELS + 1):
        region, stride = rmac_regions(MAP_SIDE, level)
        pooled = graph.add(
            "MaxPool",
            [maps],
            f"rmac{level}",
            kernel_shape=[region, region],
            strides=[stride, stride],
        )
        levels.append(graph.add("Reshape", [pooled, flat], f"rmac{level}.flat"))
    regions = graph.add("Concat", levels, "regions", axis=2)
    axis = graph.constant("region_axis", np.array([2], np.int64))
    aggregated = graph.add(
        "ReduceSum", [_add_l2_norm(graph, regions, "unit_regions"), axis], "rmac.sum", keepdims=0
    )
    # Signed power normalisation with exponent 1/2; the maxima are never negative.
    _add_l2_norm(graph, graph.add("Sqrt", [aggregated], "rmac.sqrt"), output)


def _add_l2_norm(graph: Graph, tensor: str, output: str) -> str:
    norm = graph.add("ReduceL2", [tensor], f"{output}.norm", axes=[1], keepdims=1)
    epsilon = graph.constant("epsilon", np.array(EPSILON, np.float32))
    safe = graph.add("Max", [norm, epsilon], f"{output}.safe_norm")
    return graph.add("Div", [tensor, safe], output)
