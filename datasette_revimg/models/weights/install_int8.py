"""Install fc2 in int8: quantise, measure, put in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..catalogue import Installed
from ..vgg16.architecture import Preprocessing
from . import placing
from .install import describe, has_top, open_whole, try_out

if TYPE_CHECKING:
    import onnx

    from .readers import WeightFile

# The calibration's places of patches; its pictures need no chance.
SEED = 8

# Of 15 MB of maps and as much for each of their copies.
BATCH = 4


def install_int8(
    file: Path,
    preprocessing: str | None = None,
    *,
    pictures: Path | None = None,
    name: str | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> Installed:
    """Quantise a file of weights, known as ``name``, and make it the installed int8 network.

    Its convolutions are the bundled network's, where those were made from the same weights; others
    are calibrated on half of the sample, which is ``pictures``, a folder of the user's own, or else
    generated. On the other half, fc2 is compared with that of float32. ``on_step`` is called with a
    sentence on what begins. What was installed before stays until then.

    PreprocessingError, or RevimgError naming the file, when it can't be used.
    """
    # onnx and its tools are for this alone: other commands don't wait for them.
    from ..int8 import fidelity, sample
    from .convert import write_int8

    weights, pixels = open_whole(file, preprocessing)
    chosen = sample.own_pictures(pictures) if pictures else sample.generated_pictures()
    source = "pictures of your own" if pictures else "generated pictures"
    calibrating, measuring = chosen[::2], chosen[1::2]
    with placing.workshop() as made:
        convolutions = _convolutions(weights, pixels, calibrating, made / "convolutions", on_step)
        on_step("rounding the dense layers")
        network = made / "int8.onnx"
        identity = write_int8(network, convolutions, weights.array, top=has_top(weights))
        try_out(network, "fc2")
        on_step(f"comparing with float32 on {len(measuring)} {source}")
        measured = fidelity.measure(network, weights.array, pixels, measuring, source)
        record = replace(describe(placing.INT8, weights, pixels, identity, name), fidelity=measured)
        placing.put_in_place(placing.INT8, record, made, {network.name: record.file})
    return record


def _convolutions(
    weights: WeightFile,
    pixels: Preprocessing,
    pictures: np.ndarray,
    output: Path,
    on_step: Callable[[str], None],
) -> onnx.ModelProto:
    """Return the int8 network of the weights' convolutions; ``output`` is a file to make it in."""
    import onnx

    from ..int8 import bundled, calibration
    from ..int8.convolutions import quantise_convolutions
    from ..vgg16.graph import build_convolutions

    if bundled.are_bundled(weights.array, pixels):
        return bundled.read_convolutions()
    on_step(f"calibrating the convolutions on {len(pictures)} pictures, which takes some minutes")
    arrays = weights.convolutions()
    batches = (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))
    model = build_convolutions(arrays.__getitem__, pixels)
    observed = calibration.observe(model, batches, np.random.default_rng(SEED))
    quantise_convolutions(arrays, pixels, observed, output)
    return onnx.load(output)
