"""Build the bundled convolutions: ``python -m datasette_revimg.models.bundling.bundle …``.

VGG16's convolutions and the preprocessing become one ONNX graph, which is quantised to int8:
static, per channel, activations uint8, weights int8 in 7 bits. On x86 processors without
VNNI the integer kernels add two products in 16 bits and would saturate with full 8-bit weights;
255·64·2 < 32768, so that 7-bit weights give the same sums on every processor.

Three things keep the int8 vectors close to float32's: channels are equalised before rounding,
weights are rounded for the least error of a layer's outputs (see rounding), and the ranges of the
activations leave out the few loudest pictures (see calibration). On one machine, the same
weights, photographs and library versions give the same file, byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ...pictures import decoding, opening
from ..vgg16.architecture import CAFFE, INPUT, LAYERS
from ..vgg16.graph import build_convolutions
from ..weights.readers import read_convolutions
from .calibration import FLOAT_LAYER, INTEGER_LAYERS, activation_ranges, equalisation, observe
from .photographs import photographs
from .rounding import channel_scales, round_for_outputs

WEIGHT_LIMIT = 64  # 7 bits

# The name under which the file notes by what the channels of this layer were divided.
LOUDNESS = "block4_loudness"
BLOCK4_LAYER = "block4_conv3"


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
        self._feeds = iter([{INPUT: np.zeros((1, decoding.SIDE, decoding.SIDE, 3), np.uint8)}])

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


def build(weights: Mapping[str, np.ndarray], files: Sequence[Path], output: Path) -> None:
    """Write the int8 network of the float32 weights, calibrated on the files."""
    observed = observe(build_convolutions(weights.__getitem__, CAFFE), files)
    factors = equalisation(observed.maxima)
    whole, steps = rounded(equalised(weights, factors), observed.moments, factors)
    ranges = activation_ranges(observed.maxima, factors)
    model = build_convolutions(whole.__getitem__, CAFFE)
    quantise(model, steps, ranges, output)
    note_loudness(output, factors[BLOCK4_LAYER])


def note_loudness(file: Path, loudness: np.ndarray) -> None:
    """Write into the network's file what block 4's channels were divided by, for ``learn``."""
    model = onnx.load(file)
    numbers = json.dumps([float(f"{number:.7g}") for number in loudness])
    onnx.helper.set_model_props(model, {LOUDNESS: numbers})
    onnx.save(model, file)


@click.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "photos", type=click.Path(exists=True, file_okay=False, path_type=Path), nargs=-1, required=True
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="convolutions.onnx",
    show_default=True,
    help="Where to write the network, to which ``learn`` adds the tail.",
)
def main(weights: Path, photos: tuple[Path, ...], output: Path) -> None:
    """Build the convolutions of vgg16-rmac from WEIGHTS, calibrated on the folders of PHOTOS.

    WEIGHTS is VGG16 without its top: Keras' .h5 file or an .npz with the same arrays.

    Example:

        python -m datasette_revimg.models.bundling.bundle vgg16_notop.npz photos/
    """
    logging.disable(logging.WARNING)
    files = photographs(photos)
    if not files:
        raise click.ClickException("no pictures in the folders to calibrate with")
    if unreadable := [str(file) for file in files if not opening.is_picture(file.read_bytes())]:
        raise click.ClickException(f"can't be read as pictures: {', '.join(unreadable)}")
    build(read_convolutions(weights), files, output)
    data = output.read_bytes()
    click.echo(f"{output}: {len(data):,} bytes, calibrated on {len(files)} pictures")
    click.echo(f"sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
