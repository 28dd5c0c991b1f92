"""``.caffemodel``: a NetParameter message, whose layers carry their numbers as blobs."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from ...protobuf import BYTES, Message, ProtobufError
from ...vgg16.architecture import LAYERS
from ..names import SHAPES, WeightTensors, by_canonical_name, canonical_names
from ..tensors import Span, Stored, checked_shape, in_file

_NET_NAME, _NET_INPUTS = 1, (3, 8)
# NetParameter's two kinds of layers: (the field, the layer's field of blobs, of its name).
OLD_LAYERS, LAYERS_FIELD = (2, 6, 4), (100, 7, 1)
# BlobProto.
_OLD_SIDES, _DATA, _SHAPE, _DOUBLE_DATA = (1, 2, 3, 4), 5, 7, 8
_SHAPE_DIM = 1

_NAMES = canonical_names(
    [layer.replace("block", "conv").replace("_conv", "_") for layer in LAYERS]
    + ["fc6", "fc7", "fc8"],
    "/0",
    "/1",
)


def read(path: Path, net: Message) -> WeightTensors:
    """Find the blobs of the file's layers, named after the layer and the blob's place in it."""
    stored = [
        _stored(path, f"{name}/{place}", blob)
        for field, blobs, name_field in (OLD_LAYERS, LAYERS_FIELD)
        for layer in net.messages(field)
        for name in layer.texts(name_field)
        for place, blob in enumerate(layer.messages(blobs))
    ]
    return WeightTensors("caffe", True, by_canonical_name(stored, _NAMES))


def is_net(net: Message) -> bool:
    """Check whether the file begins as a NetParameter does: its name, then its inputs or layers."""
    try:
        key = net.key(0)
        if key == (_NET_NAME, BYTES):
            key = net.key(next(net.fields()).stop)
    except ProtobufError:
        return False
    return key in [(number, BYTES) for number in (*_NET_INPUTS, OLD_LAYERS[0], LAYERS_FIELD[0])]


def _stored(path: Path, name: str, blob: Message) -> Stored:
    single, double = list(blob.messages(_DATA)), list(blob.messages(_DOUBLE_DATA))
    parts, dtype = (single, np.dtype("<f4")) if single else (double, np.dtype("<f8"))
    if len(parts) != 1:
        raise WeightsError(f"the numbers of {name} are not in one piece")
    (part,) = parts
    span = Span(path, part.start, part.stop - part.start)
    return in_file(span, name, dtype, _shape(name, blob))


def _shape(name: str, blob: Message) -> tuple[int, ...]:
    for shape in blob.messages(_SHAPE):
        return checked_shape(name, shape.integers(_SHAPE_DIM))
    # Before it had shapes, Caffe filled each up to four sides with ones in front.
    sides = checked_shape(name, [side for field in _OLD_SIDES for side in blob.integers(field)])
    rank = len(SHAPES.get(_NAMES.get(name, ""), sides))
    filling = max(0, len(sides) - rank)
    return sides[filling:] if prod(sides[:filling]) == 1 else sides
