"""Install the whole VGG16 from a file of weights: convert, check, put in place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import RevimgError
from ..catalogue import FOLDER_MODE, PREPROCESSINGS, RECORD, Installed, installed, models_dir
from ..vgg16.architecture import EMBEDDING, INPUT, SIDE, Preprocessing
from ..vgg16.tail import bundled_tail

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
    from .readers import open_weights

    weights = open_weights(file)
    origin = weights.origin
    _check_dense(weights)
    pixels = _preprocessing(weights, preprocessing)
    folder = models_dir()
    folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    top = all(tensor in weights.names() for tensor in _TOP)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as workshop:
        network = Path(workshop) / "vgg16.onnx"
        identity = write_network(network, weights.array, pixels, top=top, float16=float16)
        _try_out(network, "fc2")
        rmac, tail = Path(workshop) / "rmac.onnx", bundled_tail()
        write_rmac(rmac, weights.array, pixels, tail, float16=float16)
        _try_out(rmac, EMBEDDING)
        record = Installed(
            file=f"vgg16-{identity[:12]}.onnx",
            sha256=identity,
            source=origin.name if origin else f"{name or file.name}, an unknown training",
            source_sha256=weights.sha256,
            licence=origin.licence if origin else "unknown",
            preprocessing=pixels.name,
            float16=float16,
            top=top,
            rmac_file=f"vgg16-{identity[:12]}-rmac-{tail.identity[:12]}.onnx",
            tail=tail.identity,
        )
        os.replace(network, folder / record.file)
        os.replace(rmac, folder / record.rmac_file)
        _replace_record(folder, Path(workshop), record)
    _remove_others(folder, keep=(record.file, record.rmac_file))
    return record


def uninstall() -> Installed | None:
    """Delete the installed network; return its record, None if there was none."""
    record = installed()
    (models_dir() / RECORD).unlink(missing_ok=True)
    _remove_others(models_dir())
    return record


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


def _try_out(network: Path, output: str) -> None:
    """Embed one picture: RevimgError unless the file gives a unit vector."""
    import onnxruntime

    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    grey = np.full((1, SIDE, SIDE, 3), 128, np.uint8)
    (vector,) = session.run([output], {INPUT: grey})
    if not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
        raise RevimgError(
            "the network made from these weights returns no valid vectors: are they VGG16's?"
        )


def _replace_record(folder: Path, workshop: Path, record: Installed) -> None:
    written = workshop / RECORD
    written.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    os.replace(written, folder / RECORD)


def _remove_others(folder: Path, keep: Sequence[str] = ()) -> None:
    for file in folder.glob("vgg16-*.onnx"):
        if file.name not in keep:
            file.unlink(missing_ok=True)
