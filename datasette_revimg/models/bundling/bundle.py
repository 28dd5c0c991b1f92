"""Build the bundled convolutions: ``python -m datasette_revimg.models.bundling.bundle …``.

VGG16's convolutions and the preprocessing become one ONNX graph, which is quantised to int8 (see
int8/convolutions). On one machine, the same weights, photographs and library versions give the same
file, byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import onnx

from ...pictures import opening
from ..int8.calibration import observe
from ..int8.convolutions import quantise_convolutions
from ..vgg16.architecture import CAFFE
from ..vgg16.graph import build_convolutions
from ..weights.readers import read_convolutions
from .photographs import calibration_batches, photographs

SEED = 2017

# The name under which the file notes by what the channels of this layer were divided.
LOUDNESS = "block4_loudness"
BLOCK4_LAYER = "block4_conv3"


def build(weights: Mapping[str, np.ndarray], files: Sequence[Path], output: Path) -> None:
    """Write the int8 network of the float32 weights, calibrated on the files."""
    rng = np.random.default_rng(SEED)
    model = build_convolutions(weights.__getitem__, CAFFE)
    observed = observe(model, calibration_batches(files, rng), rng)
    factors = quantise_convolutions(weights, CAFFE, observed, output)
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
