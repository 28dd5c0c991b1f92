"""The models there are: a frozen description of each, and where its file lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VGG16_AUTHORS = (
    "Karen Simonyan and Andrew Zisserman, "
    "“Very Deep Convolutional Networks for Large-Scale Image Recognition”, 2014"
)


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects of its pixels.

    The graph computes ``(x - mean) / std`` of RGB values in 0..255, then puts the channels
    in ``order``. ``mean`` and ``std`` are given in R, G, B.
    """

    name: str
    order: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# The means of the ImageNet training set that Caffe's VGG16 was trained with, as Keras'
# ``preprocess_input(mode="caffe")`` subtracts them.
CAFFE = Preprocessing("caffe", "BGR", (123.68, 116.779, 103.939), (1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Model:
    """A network that turns a picture into a unit vector of ``dimension`` float32."""

    name: str
    layer: str
    dimension: int
    preprocessing: Preprocessing
    size: int  # bytes of the file
    sha256: str
    licence: str
    authors: str
    source: str
    file: Path

    @property
    def installed(self) -> bool:
        return self.file.is_file()


VGG16_RMAC = Model(
    name="vgg16-rmac",
    layer="block5_pool, R-MAC, square root",
    dimension=512,
    preprocessing=CAFFE,
    size=14_808_525,
    sha256="aecb1212d83fba0815f0bb04b41bb8319c45b348a507ba37afa2f8416bfd8509",
    licence="CC BY 4.0",
    authors=VGG16_AUTHORS,
    source="Keras applications' VGG16 without its top, quantised to int8",
    file=Path(__file__).parent.parent / "models" / "vgg16-rmac.onnx",
)

MODELS: dict[str, Model] = {model.name: model for model in (VGG16_RMAC,)}
