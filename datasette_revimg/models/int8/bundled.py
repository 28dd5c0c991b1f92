"""The bundled network's convolutions, calibrated already, for a network with the same weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import onnx

from ..catalogue import VGG16_RMAC
from ..vgg16.architecture import CAFFE, FEATURES, LAYERS, Preprocessing
from ..vgg16.graph import Load

# Of the float32 numbers that the bundled convolutions were made from (see ``identity``).
IDENTITY = "b28586201144cceb1177901e4beec86ad8c00dde6dd71aeb2b1a8e6d9f8b5377"


def identity(load: Load) -> str:
    """Return a SHA-256 of the 13 convolutions' numbers; ``load`` reads an array by its name."""
    digest = hashlib.sha256()
    for layer in LAYERS:
        for name in (f"{layer}/kernel", f"{layer}/bias"):
            digest.update(name.encode() + load(name).tobytes())
    return digest.hexdigest()


def are_bundled(load: Load, preprocessing: Preprocessing) -> bool:
    """Return whether the bundled convolutions were made from exactly these weights."""
    return preprocessing == CAFFE and identity(load) == IDENTITY


def read_convolutions() -> onnx.ModelProto:
    """Return the bundled int8 network without its tail; its one output is ``features``."""
    assert VGG16_RMAC.file
    model = onnx.load(VGG16_RMAC.file)
    _keep_only(model.graph, [FEATURES])
    del model.metadata_props[:]
    return model


def _keep_only(graph: onnx.GraphProto, outputs: Sequence[str]) -> None:
    """Delete what the outputs aren't computed from."""
    needed = set(outputs)
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
    nodes = [node for node in graph.node if needed.intersection(node.output)]
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    kept = [output for output in graph.output if output.name in outputs]
    del graph.node[:], graph.initializer[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights)
    graph.output.extend(kept)
