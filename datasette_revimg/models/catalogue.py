"""The models: a description of each, and where its file lies."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ..errors import ModelMissingError, RevimgError
from ..pictures.background import RULE as BACKGROUND
from .pixels import Pixels
from .vgg16.architecture import CAFFE, TORCH

VGG16_AUTHORS = (
    "Karen Simonyan and Andrew Zisserman, "
    "“Very Deep Convolutional Networks for Large-Scale Image Recognition”, 2014"
)

PREPROCESSINGS = {preprocessing.name: preprocessing for preprocessing in (CAFFE, TORCH)}


@dataclass(frozen=True)
class Model:
    """A network that turns a picture into a unit vector of ``dimension`` float32.

    ``output`` is the output of the ONNX file ``file`` that is the vector; ``file`` is None
    while the model isn't installed, and so are ``sha256``, the identity of its weights, and
    ``preprocessing``, which depends on where they come from. ``pixels`` is how a model of
    the user's own takes its pictures; the built-in ones take uint8 (N, 224, 224, 3) RGB. ``size``
    is in bytes; a model that isn't installed has about that size.
    """

    name: str
    layer: str
    dimension: int
    output: str
    licence: str
    source: str
    size: int
    sha256: str | None = None
    preprocessing: str | None = None
    file: Path | None = None
    authors: str = VGG16_AUTHORS
    pixels: Pixels | None = None

    @property
    def installed(self) -> bool:
        """Whether the model's file is there."""
        return self.file is not None and self.file.is_file()

    @property
    def identity(self) -> tuple[str, str, str]:
        """Name, weights and preprocessing: only vectors that share all three are comparable."""
        return self.name, self.sha256 or "", f"{self.preprocessing or ''} {BACKGROUND}".strip()


VGG16_RMAC = Model(
    name="vgg16-rmac",
    layer="block5_pool, R-MAC, square root",
    dimension=512,
    output="embedding",
    preprocessing=CAFFE.name,
    size=14_808_525,
    sha256="aecb1212d83fba0815f0bb04b41bb8319c45b348a507ba37afa2f8416bfd8509",
    licence="CC BY 4.0",
    source="bundled: Keras applications' VGG16 without its top, quantised to int8",
    file=Path(__file__).parent / "bundled" / "vgg16-rmac.onnx",
)

# The models in one installed file of the whole network: name, layer, floats, output.
_FROM_FULL_NETWORK = (
    ("vgg16-fc2", "fc2 after ReLU", 4096, "fc2"),
    ("vgg16-fc1", "fc1 after ReLU", 4096, "fc1"),
    ("vgg16-rmac-float32", "block5_pool, R-MAC, square root", 512, "rmac"),
)
FULL_NETWORK_MODELS = tuple(name for name, *_ in _FROM_FULL_NETWORK)

# Of the folder of models: a Datasette of another user may read it, whatever the umask says nobody
# else may write to it.
FOLDER_MODE = 0o755

_FULL_NETWORK_BYTES = 553_436_742
RECORD = "vgg16.json"


@dataclass(frozen=True)
class Installed:
    """The record of the installed network, kept as a JSON file beside it.

    ``sha256`` is the identity of the weights in it (see convert), ``source_sha256`` that of the
    file they came in.
    """

    file: str
    sha256: str
    source: str
    source_sha256: str
    licence: str
    preprocessing: str
    float16: bool
    top: bool


def models_dir(folder: Path | None = None) -> Path:
    """Return the folder of installed models.

    It is ``folder`` if given, else the environment's DATASETTE_REVIMG_MODELS, else one in the
    user's application data.
    """
    return folder or Path(
        os.environ.get("DATASETTE_REVIMG_MODELS") or click.get_app_dir("io.datasette.revimg")
    )


def installed(folder: Path | None = None) -> Installed | None:
    """Return the record of the network installed in this folder of models, None without one.

    RevimgError when the record can't be understood.
    """
    record = models_dir(folder) / RECORD
    try:
        network = Installed(**json.loads(record.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise RevimgError(
            f"{record} is damaged: run `datasette revimg install vgg16-fc2`"
        ) from error
    return network if (models_dir(folder) / network.file).is_file() else None


def all_models(folder: Path | None = None) -> dict[str, Model]:
    """Return every model by name, installed or not, the bundled one first."""
    network = installed(folder)
    models = [VGG16_RMAC]
    for name, layer, dimension, output in _FROM_FULL_NETWORK:
        model = Model(
            name=name,
            layer=layer,
            dimension=dimension,
            output=output,
            licence="CC BY 4.0",
            source="Keras applications",
            size=_FULL_NETWORK_BYTES,
        )
        if network:
            file = models_dir(folder) / network.file
            model = replace(
                model,
                licence=network.licence,
                source=network.source,
                size=file.stat().st_size,
                sha256=network.sha256,
                preprocessing=network.preprocessing,
                file=file,
            )
        models.append(model)
    return {model.name: model for model in models}


def find_model(name: str, folder: Path | None = None) -> Model:
    """Return a model that can be used now, from a folder of models.

    Raises RevimgError when there is none of this name, ModelMissingError when it isn't installed.
    """
    models = all_models(folder)
    if name not in models:
        raise RevimgError(f"there is no model {name!r}; there is {', '.join(models)}")
    model = models[name]
    if not model.installed:
        how = (
            "reinstall datasette-revimg"
            if model is VGG16_RMAC
            else f"run `datasette revimg install {name}`, or use {VGG16_RMAC.name}"
        )
        raise ModelMissingError(f"{name} is not installed: {how}")
    return model


def default_model() -> Model:
    """Return the article's fc2 where it is installed, else the bundled network."""
    fc2 = all_models()[FULL_NETWORK_MODELS[0]]
    return fc2 if fc2.installed else find_model(VGG16_RMAC.name)
