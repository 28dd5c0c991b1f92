"""Quantise VGG16's convolutions to int8: static, per channel, activations uint8, weights int8.

Weights have 7 bits. On x86 processors without VNNI the integer kernels add two products in 16 bits
and would saturate with full 8-bit weights; 255·64·2 < 32768, so that 7-bit weights give the same
sums on every processor.

Three things keep the int8 vectors close to float32's: channels are equalised before rounding,
weights are rounded for the least error of a layer's outputs (see rounding), and the ranges of the
activations leave out the few loudest pictures (see calibration).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..vgg16.architecture import INPUT, LAYERS, SIDE, Preprocessing
from ..vgg16.graph import build_convolutions
from .calibration import (
    FLOAT_LAYER,
    INTEGER_LAYERS,
    Observations,
    activation_ranges,
    equalisation,
)
from .rounding import WEIGHT_LIMIT, channel_scales, round_for_outputs


def quantise_convolutions(
    weights: Mapping[str, np.ndarray],
    preprocessing: Preprocessing,
    observed: Observations,
    output: Path,
) -> dict[str, np.ndarray]:
    """Write the int8 version of ``build_convolutions`` for the weights that were observed.

    Return by what each layer's channels were divided, float32 (channels,).
    """
    factors = equalisation(observed.maxima)
    whole, steps = rounded(equalised(weights, factors), observed.moments, factors)
    ranges = activation_ranges(observed.maxima, factors)
    quantise(build_convolutions(whole.__getitem__, preprocessing), steps, ranges, output)
    return factors


def equalised(
    weights: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return weights of the same network with each layer's channels divided by its factors.

    ReLU and max pooling commute with a positive factor, so a channel may be divided by t if the
    next layer multiplies by t: the output doesn't change, but fewer channels drown in the step
    of the loudest one when a layer's activations share one int8 scale. (Nagel et al., "Data-Free
    Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1.)
    """
    result = dict(weights)
    for layer, following in pairwise(LAYERS):
        for name in (f"{layer}/kernel", f"{layer}/bias"):
            result[name] = result[name] / factors[layer]
        result[f"{following}/kernel"] = weights[f"{following}/kernel"] * factors[layer][:, None]
    return result


def rounded(
    weights: Mapping[str, np.ndarray],
    moments: Mapping[str, np.ndarray],
    factors: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return equalised weights with kernels of whole steps, and the steps, float32 (out,)."""
    result, steps = dict(weights), {}
    for before, layer in pairwise(LAYERS):
        kernel = weights[f"{layer}/kernel"].transpose(2, 0, 1, 3)  # (in, 3, 3, out)
        flat = kernel.reshape(-1, kernel.shape[-1])
        # The inputs were observed before they were equalised.
        t = np.repeat(factors[before], 9)
        steps[layer] = channel_scales(flat, WEIGHT_LIMIT)
        equalised_moments = moments[layer] / np.outer(t, t)
        whole = round_for_outputs(flat, equalised_moments, steps[layer], WEIGHT_LIMIT)
        stepped = whole * steps[layer]
        result[f"{layer}/kernel"] = stepped.reshape(kernel.shape).transpose(1, 2, 0, 3)
    return result, steps


class _OnePicture(CalibrationDataReader):  # type: ignore[misc]
    """The least to calibrate with: quantize_static insists, even though all ranges are given."""

    def __init__(self) -> None:
        self._feeds = iter([{INPUT: np.zeros((1, SIDE, SIDE, 3), np.uint8)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next inputs, None at the end."""
        return next(self._feeds, None)


def quantise(
    model: onnx.ModelProto,
    steps: Mapping[str, np.ndarray],
    ranges: Mapping[str, float],
    output: Path,
) -> None:
    """Write the int8 version of a float32 graph whose kernels are whole steps already."""
    overrides: dict[str, list[dict[str, Any]]] = {
        f"{layer}.kernel": [{"axis": 0, "scale": step, "zero_point": 0} for step in steps[layer]]
        for layer in INTEGER_LAYERS
    }
    for layer in LAYERS:
        activations: dict[str, Any] = {"rmin": np.float32(0), "rmax": np.float32(ranges[layer])}
        # ReLU disappears into the range, so its input has to have the same.
        overrides[layer] = overrides[f"{layer}.relu"] = [activations]
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared = Path(folder) / "float32.onnx", Path(folder) / "prepared.onnx"
        onnx.save(model, plain)
        # Optimised for this machine, the file would name operator sets that older runtimes refuse.
        quant_pre_process(plain, prepared, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            output,
            _OnePicture(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Relu", "MaxPool"],
            nodes_to_exclude=[FLOAT_LAYER, f"{FLOAT_LAYER}.relu"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"TensorQuantOverrides": overrides},
        )
