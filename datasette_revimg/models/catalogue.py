"""The models: a description of each, and where its file lies."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ..errors import ModelMissingError, RevimgError
from ..pictures.background import RULE as BACKGROUND
from ..vectors.whitening import Whitening, base_name, is_whitened
from .pixels import Pixels
from .vgg16.architecture import CAFFE, EMBEDDING, TORCH
from .vgg16.tail import bundled_tail

VGG16_AUTHORS = (
    "Karen Simonyan and Andrew Zisserman, "
    "“Very Deep Convolutional Networks for Large-Scale Image Recognition”, 2014"
)

# The names of the int8 models are those of float32 and this.
INT8 = "-int8"

PREPROCESSINGS = {preprocessing.name: preprocessing for preprocessing in (CAFFE, TORCH)}


@dataclass(frozen=True)
class Fidelity:
    """How near fc2 of int8 is to that of float32: cosines, and the share of the nearest five kept.

    ``source`` says what the pictures were that it was measured on, ``pictures`` how many.
    """

    pictures: int
    source: str
    mean_cosine: float
    lowest_cosine: float
    recall_at_5: float

    def __str__(self) -> str:
        return (
            f"mean cosine {self.mean_cosine:.4f}, lowest {self.lowest_cosine:.4f}, "
            f"recall@5 {self.recall_at_5:.3f} on {self.pictures} {self.source}"
        )


@dataclass(frozen=True)
class Model:
    """A network that turns a picture into a unit vector of ``dimension`` float32.

    ``output`` is the output of the ONNX file ``file`` that is the vector; ``file`` is None
    while the model isn't installed, and so are ``sha256``, the identity of its weights, and
    ``preprocessing``, which depends on where they come from. ``pixels`` is how a model of
    the user's own takes its pictures; the built-in ones take uint8 (N, height, width, 3) RGB, of
    any size or, for fc1 and fc2, 224 × 224. ``size`` is in bytes; a model that isn't installed has
    about that size. ``whitening`` is what a table's vectors were whitened with after the network,
    ``fidelity`` what was measured of an int8 model when it was installed.
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
    whitening: Whitening | None = None
    fidelity: Fidelity | None = None

    @property
    def installed(self) -> bool:
        """Whether the model's file is there."""
        return self.file is not None and self.file.is_file()

    @property
    def identity(self) -> tuple[str, str, str]:
        """Name, weights and preprocessing: only vectors that share all three are comparable."""
        weights = self.sha256 or ""
        if self.whitening:
            weights = self.whitening.weights(weights)
        return self.name, weights, f"{self.preprocessing or ''} {BACKGROUND}".strip()

    @property
    def network_dimension(self) -> int:
        """The numbers in a vector as the network gives it, before it is whitened."""
        return len(self.whitening.mean) if self.whitening else self.dimension

    def whitened(self, whitening: Whitening) -> Model:
        """Return this model with its vectors whitened, under a name of its own."""
        if len(whitening.mean) != self.dimension:
            raise RevimgError(
                f"the vectors of {self.name} have {self.dimension} numbers, they are whitened "
                f"with {len(whitening.mean)}: embed again with --replace --whiten"
            )
        return replace(
            self,
            name=whitening.name(self.name),
            dimension=whitening.dimension,
            whitening=whitening,
        )


_RMAC_LAYER = "block4_pool and block5_pool, R-MAC, whitened"
_ASPECT_KEPT = "aspect kept"

VGG16_RMAC = Model(
    name="vgg16-rmac",
    layer=_RMAC_LAYER,
    dimension=1024,
    output=EMBEDDING,
    preprocessing=f"{CAFFE.name}, {_ASPECT_KEPT}",
    size=16_924_956,
    sha256="3ca67399571caa9d7a6666aa2ee0fd3de8f638cda29da45e78f5e288f890b2f7",
    licence="CC BY 4.0",
    source="bundled: Keras applications' VGG16 without its top, quantised to int8",
    file=Path(__file__).parent / "bundled" / "vgg16-rmac.onnx",
)

# The models that are installed together: of two in one file of the whole network, name, layer and
# output; of the third, whose pictures have other sizes, in a file without dense layers, the name.
_DENSE = (("vgg16-fc2", "fc2 after ReLU", "fc2"), ("vgg16-fc1", "fc1 after ReLU", "fc1"))
CLASSIFYING_MODELS = tuple(name for name, *_ in _DENSE)
RMAC_FLOAT32 = "vgg16-rmac-float32"
FULL_NETWORK_MODELS = (*CLASSIFYING_MODELS, RMAC_FLOAT32)

# The int8 versions of the first two, in a file of their own.
INT8_MODELS = tuple(f"{name}{INT8}" for name in CLASSIFYING_MODELS)

# The names of all models that aren't the user's own.
BUILT_IN = (VGG16_RMAC.name, *FULL_NETWORK_MODELS, *INT8_MODELS)

# Of the folder of models: a Datasette of another user may read it, whatever the umask says nobody
# else may write to it.
FOLDER_MODE = 0o755

_FULL_NETWORK_BYTES = 553_436_742
_INT8_BYTES = 138_555_000
_CONVOLUTIONS_BYTES = 61_000_000
RECORD = "vgg16.json"
INT8_RECORD = "vgg16-int8.json"


@dataclass(frozen=True)
class Installed:
    """The record of the installed network, kept as a JSON file beside it.

    ``sha256`` is the identity of the weights in it (see convert), ``source_sha256`` that of the
    file they came in. ``rmac_file`` is the network of vgg16-rmac-float32, and ``tail`` the identity
    of its tail; both are empty where an older version installed it, with another one, and of int8
    networks, whose ``fidelity`` is what was measured.
    """

    file: str
    sha256: str
    source: str
    source_sha256: str
    licence: str
    preprocessing: str
    float16: bool
    top: bool
    rmac_file: str = ""
    tail: str = ""
    fidelity: Fidelity | None = None


def models_dir(folder: Path | None = None) -> Path:
    """Return the folder of installed models.

    It is ``folder`` if given, else the environment's DATASETTE_REVIMG_MODELS, else one in the
    user's application data.
    """
    return folder or Path(
        os.environ.get("DATASETTE_REVIMG_MODELS") or click.get_app_dir("io.datasette.revimg")
    )


def installed(folder: Path | None = None, record_name: str = RECORD) -> Installed | None:
    """Return the record of a network installed in this folder of models, None without one.

    ``record_name`` is RECORD, or INT8_RECORD for the int8 network. RevimgError when the record
    can't be understood.
    """
    record = models_dir(folder) / record_name
    try:
        fields = json.loads(record.read_text(encoding="utf-8"))
        if fields.get("fidelity"):
            fields["fidelity"] = Fidelity(**fields["fidelity"])
        network = Installed(**fields)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        option = " --int8" if record_name == INT8_RECORD else ""
        raise RevimgError(
            f"{record} is damaged: run `datasette revimg install vgg16-fc2{option}`"
        ) from error
    return network if (models_dir(folder) / network.file).is_file() else None


def all_models(folder: Path | None = None) -> dict[str, Model]:
    """Return every model by name, installed or not, the bundled one first."""
    network = installed(folder)
    models = [VGG16_RMAC]
    for name, layer, output in _DENSE:
        model = _keras(name, layer, 4096, output, _FULL_NETWORK_BYTES)
        if network:
            model = _installed_model(model, network, network.file, folder)
        models.append(model)
    model = _keras(
        RMAC_FLOAT32, _RMAC_LAYER, VGG16_RMAC.dimension, VGG16_RMAC.output, _CONVOLUTIONS_BYTES
    )
    if network and network.tail == bundled_tail().identity:
        model = _installed_model(model, network, network.rmac_file, folder)
        of_tail = f"{model.preprocessing}, {_ASPECT_KEPT}, tail {network.tail[:12]}"
        model = replace(model, preprocessing=of_tail)
    models.append(model)
    int8 = installed(folder, INT8_RECORD)
    for name, layer, output in _DENSE:
        model = _keras(f"{name}{INT8}", f"{layer}, int8", 4096, output, _INT8_BYTES)
        if int8:
            model = _installed_model(model, int8, int8.file, folder)
        models.append(model)
    return {model.name: model for model in models}


def _keras(name: str, layer: str, dimension: int, output: str, size: int) -> Model:
    """Return the description of a model that isn't installed, and would come from Keras."""
    return Model(
        name=name,
        layer=layer,
        dimension=dimension,
        output=output,
        licence="CC BY 4.0",
        source="Keras applications",
        size=size,
    )


def _installed_model(model: Model, network: Installed, name: str, folder: Path | None) -> Model:
    file = models_dir(folder) / name
    return replace(
        model,
        licence=network.licence,
        source=network.source,
        size=file.stat().st_size if file.is_file() else model.size,
        sha256=network.sha256,
        preprocessing=network.preprocessing,
        file=file,
        fidelity=network.fidelity if model.output == "fc2" else None,
    )


def find_model(name: str, folder: Path | None = None) -> Model:
    """Return a model that can be used now, from a folder of models.

    Raises RevimgError when there is none of this name, ModelMissingError when it isn't installed.
    """
    models = all_models(folder)
    if name not in models:
        raise RevimgError(f"there is no model {name!r}; there is {', '.join(models)}")
    return require_installed(models[name])


def require_installed(model: Model) -> Model:
    """Return the model, which can be used now. ModelMissingError when it isn't installed."""
    if not model.installed:
        how = (
            "reinstall datasette-revimg"
            if model is VGG16_RMAC
            else f"run `datasette revimg install {model.name}`, or use {VGG16_RMAC.name}"
        )
        raise ModelMissingError(f"{model.name} is not installed: {how}")
    return model


def is_built_in_whitened(name: str) -> bool:
    """Return whether a table's model is a built-in one, its vectors whitened for the table."""
    return is_whitened(name) and base_name(name) in BUILT_IN


def default_model() -> Model:
    """Return the article's fc2 where it is installed, its int8 version if only that is.

    Without either, the bundled network.
    """
    models = all_models()
    for name in (CLASSIFYING_MODELS[0], INT8_MODELS[0]):
        if models[name].installed:
            return models[name]
    return find_model(VGG16_RMAC.name)
