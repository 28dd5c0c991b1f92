"""Calibration: observe the float32 network on pictures, and derive the ranges of int8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from ..vgg16.architecture import INPUT, LAYERS
from .rounding import sample_patches

PATCHES_PER_PICTURE = 28

# 0 leaves the channels alone, 1 makes their activations equally loud. In between, the weights,
# which pay for what the activations gain, stay precise too.
EQUALISATION = 0.5

# The share of the pictures whose activations fit into a layer's range. The loudest few would
# coarsen the steps for all others; a lower share serves photographs even better, but sharp
# drawings, such as playing cards, are among the loudest and would be cut off.
RANGE_PERCENTILE = 95

# The first convolution is 0.6 % of the work and sees the raw pixels: what it rounds away
# no later layer brings back.
FLOAT_LAYER, *INTEGER_LAYERS = LAYERS


@dataclass(frozen=True)
class Observations:
    """Statistics of the float32 network's run on the calibration pictures, by layer.

    ``maxima``: the largest activation after ReLU, float32 (pictures, channels).
    ``moments``: the second moments of a convolution's inputs, float32 (in·9, in·9), up to a
    factor; not for the first convolution, which isn't rounded.
    """

    maxima: dict[str, np.ndarray]
    moments: dict[str, np.ndarray]


def observe(
    model: onnx.ModelProto, batches: Iterable[np.ndarray], rng: np.random.Generator
) -> Observations:
    """Run the float32 graph on batches of calibration pictures, uint8 (N, 224, 224, 3)."""
    inputs = {node.name: node.input[0] for node in model.graph.node if node.name in LAYERS}
    session = _observer(model, [inputs[layer] for layer in INTEGER_LAYERS])
    names = [output.name for output in session.get_outputs()]
    maxima: dict[str, list[np.ndarray]] = {layer: [] for layer in LAYERS}
    moments: dict[str, np.ndarray] = {}
    for pictures in batches:
        outputs = dict(zip(names, session.run(names, {INPUT: pictures}), strict=True))
        for layer in LAYERS:
            maxima[layer].append(outputs[f"{layer}.maxima"])
        for layer in INTEGER_LAYERS:
            patches = sample_patches(outputs[inputs[layer]], PATCHES_PER_PICTURE, rng)
            moments[layer] = moments.get(layer, 0) + patches.T @ patches
    return Observations({layer: np.concatenate(rows) for layer, rows in maxima.items()}, moments)


def _observer(model: onnx.ModelProto, tensors: Sequence[str]) -> onnxruntime.InferenceSession:
    """Load the network with the tensors and each layer's ``….maxima`` (N, channels) as outputs."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    maxima = [f"{layer}.maxima" for layer in LAYERS]
    for layer, name in zip(LAYERS, maxima, strict=True):
        observed.graph.node.append(
            helper.make_node("ReduceMax", [f"{layer}.relu"], [name], axes=[2, 3], keepdims=0)
        )
    del observed.graph.output[:]
    for name in (*tensors, *maxima):
        observed.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(
        observed.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def equalisation(maxima: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the factors that divide each layer's channels to bring them closer to one range.

    float32 (channels,), 1 for the last layer: no layer follows it that could multiply again.
    """
    factors = {LAYERS[-1]: np.ones(maxima[LAYERS[-1]].shape[1], np.float32)}
    for layer in LAYERS[:-1]:
        loudness = maxima[layer].max(axis=0)
        logs = np.log(np.maximum(loudness, 1e-3 * loudness.max()))
        factors[layer] = np.exp(EQUALISATION * (logs - logs.mean())).astype(np.float32)
    return factors


def activation_ranges(
    maxima: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Return the largest activation of each equalised layer that int8 has to represent."""
    return {
        layer: float(np.percentile((maxima[layer] / factors[layer]).max(axis=1), RANGE_PERCENTILE))
        for layer in LAYERS
    }
