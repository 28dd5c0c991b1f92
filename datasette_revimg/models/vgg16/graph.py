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
    BLOCK4,
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
from .rmac import EPSILON, REGIONS
from .tail import Tail

# The sides of a picture, and those of the last maps.
Sides = Sequence[int | str | None]
FREE: Sides = ("height", "width")
_SQUARE: Sides = (SIDE, SIDE)

_FIRST_OF_BLOCK5 = "block5_conv1"

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


def build_convolutions(
    load: Load, preprocessing: Preprocessing, *, float16: bool = False
) -> onnx.ModelProto:
    """Build the float32 network of the convolutions alone.

    It takes ``images`` uint8 (N, height, width, 3) RGB and returns ``features``, the last block's
    maps, float32 (N, 512, height / 32, width / 32).
    """
    graph = Graph(float16)
    _add_convolutions(graph, _add_preprocessing(graph, preprocessing), preprocessing)
    model = _model(graph, "vgg16-rmac", {FEATURES: [BLOCKS[-1][0], None, None]}, FREE)
    for name in graph.parameters:
        array = graph.array(name, load)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def build_rmac(
    load: Load, preprocessing: Preprocessing, tail: Tail, *, float16: bool = False
) -> onnx.ModelProto:
    """Build the float32 network of R-MAC vectors.

    It takes ``images`` uint8 (N, height, width, 3) RGB and returns ``embedding`` float32 (N, D),
    unit vectors; ``features`` and ``block4_features`` are the maps that they are pooled from.
    """
    model = build_convolutions(load, preprocessing, float16=float16)
    attach_tail(model, tail, equalised=False)
    onnx.checker.check_model(model)
    return model


def full_network(
    preprocessing: Preprocessing, *, top: bool, float16: bool = False
) -> tuple[Graph, onnx.ModelProto]:
    """Build the whole network without its parameters: one graph for all of VGG16's vectors.

    Outputs, float32: ``fc2`` (N, 4096), ``fc1`` (N, 4096), both after ReLU and L2-normalised,
    ``features`` (N, 512, 7, 7); with ``top`` also ``predictions`` (N, 1000),
    the probabilities of ImageNet's classes.
    """
    graph = Graph(float16)
    maps = _add_convolutions(graph, _add_preprocessing(graph, preprocessing), preprocessing)
    outputs: dict[str, Sides] = {FEATURES: [BLOCKS[-1][0], MAP_SIDE, MAP_SIDE]}
    # Keras flattens height, width, channels. Turning the maps spares half a gigabyte of weights.
    turned = graph.add("Transpose", [maps], "maps_hwc", perm=[0, 2, 3, 1])
    shape = graph.constant("flat_shape", np.array([0, -1], np.int64))
    tensor = graph.add("Reshape", [turned, shape], "flatten")
    width = FLAT
    for layer in ("fc1", "fc2"):
        tensor = graph.add(
            "Relu", [_add_dense(graph, tensor, layer, (width, DENSE))], f"{layer}.relu"
        )
        add_l2_norm(graph, tensor, layer)
        outputs[layer] = [DENSE]
        width = DENSE
    if top:
        logits = _add_dense(graph, tensor, "predictions", (DENSE, CLASSES))
        graph.add("Softmax", [logits], PROBABILITIES, axis=1)
        outputs[PROBABILITIES] = [CLASSES]
    return graph, _model(graph, "vgg16", outputs, _SQUARE)


def _add_dense(graph: Graph, tensor: str, layer: str, shape: tuple[int, int]) -> str:
    kernel = graph.parameter(f"{layer}/kernel", shape)
    bias = graph.parameter(f"{layer}/bias", shape[1:])
    return graph.add("Gemm", [tensor, kernel, bias], f"{layer}.dense")


def _model(graph: Graph, name: str, outputs: Mapping[str, Sides], sides: Sides) -> onnx.ModelProto:
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", *sides, 3])
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


def attach_tail(model: onnx.ModelProto, tail: Tail, *, equalised: bool) -> None:
    """Add R-MAC of two blocks' maps and the tail to a network of the convolutions alone.

    Its new outputs are the unit vectors and ``block4_features``, float32 (N, 512, height / 16,
    width / 16), the maps that go into block 5 divided by their loudness. In a network that is
    ``equalised``, they are so already.
    """
    graph = Graph()
    (block4,) = (node.input[0] for node in model.graph.node if node.name == _FIRST_OF_BLOCK5)
    if equalised:
        maps = graph.add("Identity", [block4], BLOCK4)
    else:
        loudness = graph.constant("block4_loudness", tail.loudness.reshape(1, -1, 1, 1))
        maps = graph.add("Div", [block4, loudness], BLOCK4)
    powers = [
        graph.add(
            "Mul",
            [_add_powers(graph, maps, tail), _scalar(graph, "weight", tail.weight)],
            "block4_weighted",
        ),
        _add_powers(graph, FEATURES, tail),
    ]
    joined = graph.add("Concat", powers, "joined", axis=1)
    # Centred before the product, not by a bias after it: fewer digits cancel.
    centred = graph.add("Sub", [joined, graph.constant("whitening.mean", tail.mean)], "deviation")

    half = graph.constant("whitening.matrix", tail.matrix)
    matrix = graph.add("Cast", [half], "whitening.matrix.float32", to=TensorProto.FLOAT)
    whitened = graph.add("Gemm", [centred, matrix], "whitening")
    add_l2_norm(graph, whitened, EMBEDDING)
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.constants.values())
    for name, shape in ((BLOCK4, [BLOCKS[-2][0], None, None]), (EMBEDDING, [tail.matrix.shape[1]])):
        model.graph.output.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        )


def _add_powers(graph: Graph, maps: str, tail: Tail) -> str:
    sums = _add_rmac(graph, maps)
    power = graph.add("Pow", [sums, _scalar(graph, "exponent", tail.exponent)], f"{sums}.power")
    return add_l2_norm(graph, power, f"{sums}.unit")


def _scalar(graph: Graph, name: str, value: float) -> str:
    return graph.constant(name, np.array(value, np.float32))


def _add_rmac(graph: Graph, maps: str) -> str:
    """Add the sum of the regions' unit maxima, (N, C), of maps of any height and width."""

    def table(name: str, values: Sequence[Sequence[int]]) -> str:
        return graph.constant(name, np.array(values, np.int64))

    def step(op: str, inputs: Sequence[str], name: str) -> str:
        return graph.add(op, inputs, f"{maps}.{name}")

    # The same whole numbers as rmac.region_slices, of height and width at once: (regions, 2).
    cells = graph.add("Shape", [maps], f"{maps}.cells", start=2, end=4)
    twice = step("Mul", [cells, table("two", [[2, 2]])], "twice")
    parts = table("parts", [[level + 1] * 2 for level, _, _ in REGIONS])
    lengths = step(
        "Max", [step("Div", [twice, parts], "rounded"), table("one", [[1, 1]])], "length"
    )
    free = step("Sub", [cells, lengths], "free")
    moved = step("Mul", [free, table("places", [region[1:] for region in REGIONS])], "moved")
    gaps = table("gaps", [[max(1, level - 1)] * 2 for level, _, _ in REGIONS])
    starts = step("Div", [moved, gaps], "start")
    ends = step("Add", [starts, lengths], "end")
    corners = [_split(graph, corner) for corner in (starts, ends)]
    axes = graph.constant("map_axes", np.array([2, 3], np.int64))
    maxima = []
    for number, (start, end) in enumerate(zip(*corners, strict=True)):
        part = step("Slice", [maps, start, end, axes], f"region{number}")
        maxima.append(graph.add("ReduceMax", [part], f"{part}.max", axes=[2, 3], keepdims=1))
    regions = graph.add("Concat", maxima, f"{maps}.regions", axis=2)
    unit = add_l2_norm(graph, regions, f"{maps}.unit_regions")
    return graph.add("ReduceSum", [unit, axes], f"{maps}.rmac", keepdims=0)


def _split(graph: Graph, corners: str) -> list[str]:
    """Return the names of each region's own (2,) of ``corners`` (regions, 2)."""
    shape = graph.constant("one_row", np.array([-1], np.int64))
    row = graph.add("Reshape", [corners, shape], f"{corners}.flat")
    names = [f"{corners}{number}" for number in range(len(REGIONS))]
    graph.nodes.append(helper.make_node("Split", [row], names, name=f"{corners}.split", axis=0))
    return names


def add_l2_norm(graph: Graph, tensor: str, output: str) -> str:
    """Add the division of each row, or each place's channels, by its length; return ``output``."""
    norm = graph.add("ReduceL2", [tensor], f"{output}.norm", axes=[1], keepdims=1)
    epsilon = graph.constant("epsilon", np.array(EPSILON, np.float32))
    safe = graph.add("Max", [norm, epsilon], f"{output}.safe_norm")
    return graph.add("Div", [tensor, safe], output)
