"""The known trainings of VGG16, each recognised by the hash of the file it is published in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..catalogue import VGG16_AUTHORS
from ..vgg16.architecture import CAFFE, TORCH, Preprocessing

CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Origin:
    """A published file of weights; ``size`` and hashes that its publishers don't give are None."""

    name: str
    preprocessing: Preprocessing
    licence: str
    authors: str
    source: str
    size: int | None = None  # bytes
    md5: str | None = None
    sha256: str | None = None


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
_ZOO = "https://github.com/onnx/models/blob/main/validated/vision/classification/vgg"
_ZOO_AUTHORS = "Apache MXNet's and the ONNX model zoo's contributors"

KERAS = Origin(
    name="Keras applications",
    preprocessing=CAFFE,
    licence="CC BY 4.0",
    authors=VGG16_AUTHORS,
    source=f"{_KERAS}vgg16_weights_tf_dim_ordering_tf_kernels.h5",
    size=553_467_096,
    md5="64373286793e3c8b2b4e3219cbf3544b",
)
KERAS_NOTOP = Origin(
    name="Keras applications, without the top",
    preprocessing=CAFFE,
    licence="CC BY 4.0",
    authors=VGG16_AUTHORS,
    source=f"{_KERAS}vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    size=58_889_256,
    md5="6d6bbae143d832006294945121d1f1fc",
)
OXFORD = Origin(
    name="Oxford, Caffe",
    preprocessing=CAFFE,
    licence="CC BY 4.0",
    authors=VGG16_AUTHORS,
    source="http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/"
    "VGG_ILSVRC_16_layers.caffemodel",
    size=553_432_081,
    sha256="a6196bc498e45ea4cb2637114ae8db9410cf1556fd60a55ae93272371beba197",
)
TORCHVISION = Origin(
    name="torchvision",
    preprocessing=TORCH,
    licence="BSD-3-Clause",
    authors="torchvision's contributors",
    source="https://download.pytorch.org/models/vgg16-397923af.pth",
    size=553_433_881,
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
)
TIMM = Origin(
    name="timm, vgg16.tv_in1k",
    preprocessing=TORCH,
    licence="BSD-3-Clause",
    authors="torchvision's contributors, repacked by Ross Wightman",
    source="https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors",
    sha256="57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
)
ZOO_12 = Origin(
    name="ONNX model zoo, vgg16-12",
    preprocessing=TORCH,
    licence="Apache-2.0",
    authors=_ZOO_AUTHORS,
    source=f"{_ZOO}/model/vgg16-12.onnx",
    size=553_437_752,
    sha256="722c42f53ca03a5480296bf8f9c85a151de3eed9ec982d7d2302ff6e2900c67b",
)
ZOO_7 = Origin(
    name="ONNX model zoo, vgg16-7",
    preprocessing=TORCH,
    licence="Apache-2.0",
    authors=_ZOO_AUTHORS,
    source=f"{_ZOO}/model/vgg16-7.onnx",
    size=553_437_328,
    sha256="f20805a3ecccaa88647bbab4ad011ff2412a9838485ea844de0fcbce349820b9",
)

ORIGINS = (KERAS, KERAS_NOTOP, OXFORD, TORCHVISION, TIMM, ZOO_12, ZOO_7)


@dataclass(frozen=True)
class Fingerprint:
    """A file's hashes. Keras publishes only MD5."""

    sha256: str
    md5: str


def fingerprint(path: Path) -> Fingerprint:
    """Compute both hashes of the file in one reading."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
    return Fingerprint(sha256.hexdigest(), md5.hexdigest())


def recognise(file: Fingerprint) -> Origin | None:
    """Return the published file that has these hashes, None if there is none."""
    return next(
        (
            origin
            for origin in ORIGINS
            if file.sha256 == origin.sha256 or (not origin.sha256 and file.md5 == origin.md5)
        ),
        None,
    )
