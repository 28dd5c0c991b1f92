"""Build the bundled network: ``python -m datasette_revimg.models.bundling.bundle WEIGHTS PHOTOS…``

VGG16's convolutions, R-MAC and the preprocessing become one ONNX graph, which is quantised to
int8: static, per channel, activations uint8, weights int8 in 7 bits. On x86 processors without
VNNI the integer kernels add two products in 16 bits and would saturate with full 8-bit weights;
255·64·2 < 32768, so that 7-bit weights give the same sums on every processor.

Three things keep the int8 vectors close to float32's: channels are equalised before rounding,
weights are rounded for the least error of a layer's outputs (``rounding.py``), and the ranges of
the activations leave out the few loudest pictures. On one machine, the same weights, photographs
and library versions give the same file, byte by byte.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from ...pictures import decoding
from ..catalogue import VGG16_RMAC
from ..vgg16.architecture import CAFFE, INPUT, LAYERS
from ..vgg16.graph import build_rmac
from ..weights.readers import read_convolutions
from .rounding import channel_scales, round_for_outputs, sample_patches

VARIANTS_PER_PHOTO = 3
PHOTOS_PER_BATCH = 5
PATCHES_PER_PICTURE = 28
SEED = 2017

WEIGHT_LIMIT = 64  # 7 bits

# 0 leaves the channels alone, 1 makes their activations equally loud. In between, the weights,
# which pay for what the activations gain, stay precise too.
EQUALISATION = 0.5

# The share of the pictures whose activations fit into a layer's range. The loudest few would
# coarsen the steps for all others; a lower share serves photographs even better, but sharp
# drawings, such as playing cards, are among the loudest and would be cut off.
RANGE_PERCENTILE = 95

# The first convolution is 0.6 % of the work and sees the raw pixels: what it rounds away
# no later layer brings back.
_FLOAT_LAYER, *_INTEGER_LAYERS = LAYERS


def photographs(folders: Sequence[Path]) -> list[Path]:
    """Every picture file below the folders; links left out, they'd count twice.

    Sorted within each folder only: where the folders lie must not change the order.
    """
    return [
        file
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in decoding.suffixes() and file.is_file() and not file.is_symlink()
    ]


def augmented(photo: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The photo and seeded variants of it, each uint8 (224, 224, 3).

    Crops, mirror images and other exposures stretch the range of the activations that the
    calibration sees to what a collection is going to hold.
    """
    yield photo
    image = Image.fromarray(photo)
    for _ in range(VARIANTS_PER_PHOTO - 1):
        side = int(decoding.SIDE * rng.uniform(0.4, 0.9))
        left, top = (int(rng.integers(0, decoding.SIDE - side + 1)) for _ in range(2))
        variant = decoding.to_array(image.crop((left, top, left + side, top + side)))
        if rng.random() < 0.5:
            variant = variant[:, ::-1]
        exposed = variant.astype(np.float32) * rng.uniform(0.6, 1.5) + rng.uniform(-30, 30)
        yield np.clip(exposed, 0, 255).astype(np.uint8)


def calibration_batches(files: Sequence[Path], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Some files' pictures and their variants at a time, uint8 (N, 224, 224, 3)."""
    for start in range(0, len(files), PHOTOS_PER_BATCH):
        yield np.stack(
            [
                variant
                for file in files[start : start + PHOTOS_PER_BATCH]
                for variant in augmented(decoding.decode(file.read_bytes()).array, rng)
            ]
        )


@dataclass(frozen=True)
class Observations:
    """What the float32 network did with the calibration pictures, by layer.

    ``maxima``: the largest activation after ReLU, float32 (pictures, channels).
    ``moments``: the second moments of a convolution's inputs, float32 (in·9, in·9), up to a
    factor; not for the first convolution, which isn't rounded.
    """

    maxima: dict[str, np.ndarray]
    moments: dict[str, np.ndarray]


def observe(model: onnx.ModelProto, files: Sequence[Path]) -> Observations:
    """Run the float32 graph on the calibration pictures."""
    inputs = {node.name: node.input[0] for node in model.graph.node if node.name in LAYERS}
    session = _observer(model, [inputs[layer] for layer in _INTEGER_LAYERS])
    names = [output.name for output in session.get_outputs()]
    rng = np.random.default_rng(SEED)
    maxima: dict[str, list[np.ndarray]] = {layer: [] for layer in LAYERS}
    moments: dict[str, np.ndarray] = {}
    for pictures in calibration_batches(files, rng):
        seen = dict(zip(names, session.run(names, {INPUT: pictures}), strict=True))
        for layer in LAYERS:
            maxima[layer].append(seen[f"{layer}.maxima"])
        for layer in _INTEGER_LAYERS:
            patches = sample_patches(seen[inputs[layer]], PATCHES_PER_PICTURE, rng)
            moments[layer] = moments.get(layer, 0) + patches.T @ patches
    return Observations({layer: np.concatenate(rows) for layer, rows in maxima.items()}, moments)


def _observer(model: onnx.ModelProto, tensors: Sequence[str]) -> onnxruntime.InferenceSession:
    """A session whose outputs are the tensors and each layer's ``….maxima`` (N, channels)."""
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
    """By what to divide each layer's channels to bring them closer to one range.

    float32 (channels,), 1 for the last layer: no layer follows it that could multiply again.
    """
    factors = {LAYERS[-1]: np.ones(maxima[LAYERS[-1]].shape[1], np.float32)}
    for layer in LAYERS[:-1]:
        loudness = maxima[layer].max(axis=0)
        logs = np.log(np.maximum(loudness, 1e-3 * loudness.max()))
        factors[layer] = np.exp(EQUALISATION * (logs - logs.mean())).astype(np.float32)
    return factors


def equalised(
    weights: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The same network with each layer's channels divided by its factors.

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
    """Equalised weights with kernels of whole steps, and the steps, float32 (out,), by layer."""
    result, steps = dict(weights), {}
    for before, layer in pairwise(LAYERS):
        kernel = weights[f"{layer}/kernel"].transpose(2, 0, 1, 3)  # (in, 3, 3, out)
        flat = kernel.reshape(-1, kernel.shape[-1])
        # The inputs were observed before they were equalised.
        t = np.repeat(factors[before], 9)
        steps[layer] = channel_scales(flat, WEIGHT_LIMIT)
        seen = moments[layer] / np.outer(t, t)
        whole = round_for_outputs(flat, seen, steps[layer], WEIGHT_LIMIT) * steps[layer]
        result[f"{layer}/kernel"] = whole.reshape(kernel.shape).transpose(1, 2, 0, 3)
    return result, steps


def activation_ranges(
    maxima: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """The largest activation of each equalised layer that int8 has to represent."""
    return {
        layer: float(np.percentile((maxima[layer] / factors[layer]).max(axis=1), RANGE_PERCENTILE))
        for layer in LAYERS
    }


class _OnePicture(CalibrationDataReader):  # type: ignore[misc]
    """quantize_static wants to calibrate, even though all ranges are given; this is the least."""

    def __init__(self) -> None:
        self._feeds = iter([{INPUT: np.zeros((1, decoding.SIDE, decoding.SIDE, 3), np.uint8)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
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
        for layer in _INTEGER_LAYERS
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
            nodes_to_exclude=["rmac1", "rmac2", "rmac3", _FLOAT_LAYER, f"{_FLOAT_LAYER}.relu"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"TensorQuantOverrides": overrides},
        )


def build(weights: Mapping[str, np.ndarray], files: Sequence[Path], output: Path) -> None:
    """Write the int8 network of the float32 weights, calibrated on the files."""
    seen = observe(build_rmac(weights, CAFFE), files)
    factors = equalisation(seen.maxima)
    whole, steps = rounded(equalised(weights, factors), seen.moments, factors)
    quantise(build_rmac(whole, CAFFE), steps, activation_ranges(seen.maxima, factors), output)


@click.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "photos", type=click.Path(exists=True, file_okay=False, path_type=Path), nargs=-1, required=True
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=VGG16_RMAC.file,
    help="Where to write the network; the default is its place in the package.",
)
def main(weights: Path, photos: tuple[Path, ...], output: Path) -> None:
    """Build the bundled vgg16-rmac network from WEIGHTS, calibrated on the folders of PHOTOS.

    WEIGHTS is VGG16 without its top: Keras' .h5 file or an .npz with the same arrays.

    Example:

        python -m datasette_revimg.models.bundling.bundle vgg16_notop.npz photos/
    """
    logging.disable(logging.WARNING)
    files = photographs(photos)
    if not files:
        raise click.ClickException("no pictures in the folders to calibrate with")
    if unreadable := [str(file) for file in files if not decoding.is_picture(file.read_bytes())]:
        raise click.ClickException(f"can't be read as pictures: {', '.join(unreadable)}")
    build(read_convolutions(weights), files, output)
    data = output.read_bytes()
    click.echo(f"{output}: {len(data):,} bytes, calibrated on {len(files)} pictures")
    click.echo(f"sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
