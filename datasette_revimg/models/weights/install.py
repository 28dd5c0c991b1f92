"""Install the whole VGG16 from a file of weights: convert, check, put in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import RevimgError
from ..catalogue import PREPROCESSINGS, Installed
from ..vgg16.architecture import EMBEDDING, INPUT, SIDE, Preprocessing
from ..vgg16.tail import bundled_tail
from . import placing

if TYPE_CHECKING:
    from .readers import WeightFile

_TOP = ("predictions/kernel", "predictions/bias")
_DENSE = ("fc1/kernel", "fc1/bias", "fc2/kernel", "fc2/bias")


class PreprocessingError(RevimgError):
    """The weights are good, but it isn't settled which pixels they expect."""


def install(
    file: Path, preprocessing: str | None = None, *, float16: bool = False, name: str | None = None
) -> Installed:
    """Convert a file of weights, known as ``name``, and make it the installed network.

    What was installed before stays until the new network has been written and tried.
    PreprocessingError, or RevimgError naming the file and the tensor, when it can't be used.
    """
    # onnx, h5py and safetensors are for this alone: other commands don't wait for them.
    from .convert import write_network, write_rmac

    weights, pixels = open_whole(file, preprocessing)
    tail = bundled_tail()
    with placing.workshop() as made:
        network, rmac = made / "vgg16.onnx", made / "rmac.onnx"
        identity = write_network(
            network, weights.array, pixels, top=has_top(weights), float16=float16
        )
        try_out(network, "fc2")
        write_rmac(rmac, weights.array, pixels, tail, float16=float16)
        try_out(rmac, EMBEDDING)
        record = replace(
            describe(placing.FLOAT, weights, pixels, identity, name),
            float16=float16,
            rmac_file=f"vgg16-{identity[:12]}-rmac-{tail.identity[:12]}.onnx",
            tail=tail.identity,
        )
        files = {network.name: record.file, rmac.name: record.rmac_file}
        placing.put_in_place(placing.FLOAT, record, made, files)
    return record


def open_whole(file: Path, preprocessing: str | None) -> tuple[WeightFile, Preprocessing]:
    """Open a file of the whole network, and settle which pixels it expects.

    ``preprocessing`` names it for an unknown training. PreprocessingError when it is missing,
    RevimgError when the file can't be used.
    """
    from .readers import open_weights

    weights = open_weights(file)
    _check_dense(weights)
    return weights, _preprocessing(weights, preprocessing)


def has_top(weights: WeightFile) -> bool:
    """Return whether the weights include the last layer, which classifies."""
    return all(tensor in weights.names() for tensor in _TOP)


def describe(
    kind: placing.Kind,
    weights: WeightFile,
    pixels: Preprocessing,
    identity: str,
    name: str | None,
) -> Installed:
    """Return the record of a network made from the weights, a file known as ``name``."""
    origin = weights.origin
    return Installed(
        file=f"{kind.prefix}{identity[:12]}.onnx",
        sha256=identity,
        source=origin.name if origin else f"{name or weights.path.name}, an unknown training",
        source_sha256=weights.sha256,
        licence=origin.licence if origin else "unknown",
        preprocessing=pixels.name,
        float16=False,
        top=has_top(weights),
    )


def _check_dense(weights: WeightFile) -> None:
    missing = [name for name in _DENSE if name not in weights.names()]
    if missing:
        raise RevimgError(
            f"{weights.path} has no {missing[0]}: it is VGG16 without its top, which contains "
            "fc2; use the file that includes the top"
        )


def _preprocessing(weights: WeightFile, named: str | None) -> Preprocessing:
    """Return the preprocessing of the weights' training, or of an unknown one the one named."""
    if origin := weights.origin:
        if named not in (None, origin.preprocessing.name):
            raise PreprocessingError(
                f"{weights.path} is {origin.name}, whose preprocessing is "
                f"{origin.preprocessing.name}: leave out --preprocessing {named}"
            )
        return origin.preprocessing
    if named is None:
        raise PreprocessingError(
            f"{weights.path} is not one of the known files, and doesn't say which pixels its "
            "network expects: add --preprocessing caffe (BGR, means subtracted: Keras, Caffe) "
            "or --preprocessing torch (RGB, mean and deviation: torchvision)"
        )
    return PREPROCESSINGS[named]


def try_out(network: Path, output: str) -> None:
    """Embed one picture: RevimgError unless the file gives a unit vector."""
    import onnxruntime

    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    grey = np.full((1, SIDE, SIDE, 3), 128, np.uint8)
    (vector,) = session.run([output], {INPUT: grey})
    if not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
        raise RevimgError(
            "the network made from these weights returns no valid vectors: are they VGG16's?"
        )
