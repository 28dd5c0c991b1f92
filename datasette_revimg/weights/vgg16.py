"""VGG16 as an ONNX graph: uint8 pictures in, L2-normalised embeddings out.

Architecture: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", 2014, configuration D. R-MAC: Tolias, Sicre & Jégou, "Particular object
retrieval with integral max-pooling of CNN activations", 2016, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..errors import RevimgError
from .catalogue import Preprocessing

INPUT = "images"
EMBEDDING = "embedding"
FEATURES = "features"

SIDE = 224
MAP_SIDE = 7
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
LAYERS = [
    f"block{block}_conv{conv}"
    for block, (_, convs) in enumerate(BLOCKS, start=1)
    for conv in range(1, convs + 1)
]
RMAC_LEVELS = 3

# Opset 17 / IR 8 are read by every ONNX Runtime since 1.12.
OPSET = 17
IR_VERSION = 8

# Keeps 0/0 out of the graph: a region, or a picture, in which no channel fires.
EPSILON = 1e-12


class WeightsError(RevimgError):
    """The given arrays are not VGG16's; the message names the tensor."""


class _Graph:
    """Collects nodes and constants; ``add`` returns the name of the node's only output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output


def conv_shapes() -> dict[str, tuple[int, int, int, int]]:
    """The kernel shape of each convolution, (height, width, in, out) as Keras stores them."""
    shapes = {}
    channels = 3
    for layer in LAYERS:
        width = BLOCKS[int(layer[5]) - 1][0]
        shapes[layer] = (3, 3, channels, width)
        channels = width
    return shapes


def check_convolutions(weights: Mapping[str, np.ndarray]) -> None:
    """Raise WeightsError unless all 13 kernels and biases are there, of the right shape, finite.

    Keys are ``block1_conv1/kernel`` (height, width, in, out) and ``block1_conv1/bias`` (out,).
    """
    for layer, shape in conv_shapes().items():
        for name, expected in ((f"{layer}/kernel", shape), (f"{layer}/bias", shape[-1:])):
            if name not in weights:
                raise WeightsError(f"{name} is missing")
            if weights[name].shape != expected:
                raise WeightsError(
                    f"{name} has the shape {weights[name].shape}, VGG16's is {expected}"
                )
            if not np.isfinite(weights[name]).all():
                raise WeightsError(f"{name} holds numbers that are not finite")


def rmac_regions(side: int, level: int) -> tuple[int, int]:
    """The side and the stride, in cells, of R-MAC's regions at ``level`` on a square map.

    Tolias et al.: regions at level l have the side 2·side/(l+1), l of them along each edge,
    evenly spread.
    """
    region = 2 * side // (level + 1)
    stride = (side - region) // (level - 1) if level > 1 else 1
    return region, stride


def build_rmac(weights: Mapping[str, np.ndarray], preprocessing: Preprocessing) -> onnx.ModelProto:
    """The float32 network: ``images`` uint8 (N, 224, 224, 3) RGB → ``embedding`` float32 (N, 512).

    The second output, ``features`` float32 (N, 512, 7, 7), holds the last block's maps.
    """
    check_convolutions(weights)
    graph = _Graph()
    maps = _add_convolutions(
        graph, _add_preprocessing(graph, preprocessing), weights, preprocessing
    )
    _add_rmac(graph, maps)
    outputs = [
        helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["N", BLOCKS[-1][0]]),
        helper.make_tensor_value_info(
            FEATURES, TensorProto.FLOAT, ["N", BLOCKS[-1][0], MAP_SIDE, MAP_SIDE]
        ),
    ]
    return _model(graph, "vgg16-rmac", outputs)


def _model(graph: _Graph, name: str, outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, name, [images], outputs, initializer=list(graph.constants.values())
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="datasette-revimg",
    )
    onnx.checker.check_model(model)
    return model


def _add_preprocessing(graph: _Graph, preprocessing: Preprocessing) -> str:
    # Transposed while still uint8: a quarter of the bytes to move.
    planes = graph.add("Transpose", [INPUT], "planes", perm=[0, 3, 1, 2])
    pixels = graph.add("Cast", [planes], "pixels", to=TensorProto.FLOAT)
    mean = np.array(preprocessing.mean, np.float32).reshape(1, 3, 1, 1)
    return graph.add("Sub", [pixels, graph.constant("mean", mean)], "centred")


def _add_convolutions(
    graph: _Graph,
    tensor: str,
    weights: Mapping[str, np.ndarray],
    preprocessing: Preprocessing,
) -> str:
    for layer in LAYERS:
        kernel = weights[f"{layer}/kernel"].astype(np.float32)
        if layer == LAYERS[0]:
            kernel = _for_rgb(kernel, preprocessing)
        tensor = graph.add(
            "Conv",
            [
                tensor,
                graph.constant(f"{layer}.kernel", kernel.transpose(3, 2, 0, 1)),
                graph.constant(f"{layer}.bias", weights[f"{layer}/bias"].astype(np.float32)),
            ],
            layer,
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
        )
        tensor = graph.add("Relu", [tensor], f"{layer}.relu")
        block, conv = int(layer[5]), int(layer[-1])
        if conv == BLOCKS[block - 1][1]:
            name = FEATURES if layer == LAYERS[-1] else f"block{block}_pool"
            tensor = graph.add("MaxPool", [tensor], name, kernel_shape=[2, 2], strides=[2, 2])
    return tensor


def _for_rgb(kernel: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """The first kernel (3, 3, in, out) for centred RGB: channel order and std folded in.

    The mean can't be folded into the bias: the convolution pads with zeros *after* the
    subtraction, and zero there means "the mean colour".
    """
    if preprocessing.order == "BGR":
        kernel = kernel[:, :, ::-1, :]
    return kernel / np.array(preprocessing.std, np.float32).reshape(1, 1, 3, 1)


def _add_rmac(graph: _Graph, maps: str) -> None:
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
        "ReduceSum", [_add_l2_norm(graph, regions, "unit_regions"), axis], "rmac", keepdims=0
    )
    # Signed power normalisation with exponent 1/2; the maxima are never negative.
    _add_l2_norm(graph, graph.add("Sqrt", [aggregated], "rmac.sqrt"), EMBEDDING)


def _add_l2_norm(graph: _Graph, tensor: str, output: str) -> str:
    norm = graph.add("ReduceL2", [tensor], f"{output}.norm", axes=[1], keepdims=1)
    epsilon = graph.constant("epsilon", np.array(EPSILON, np.float32))
    safe = graph.add("Max", [norm, epsilon], f"{output}.safe_norm")
    return graph.add("Div", [tensor, safe], output)
