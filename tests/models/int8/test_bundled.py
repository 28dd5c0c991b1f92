"""The bundled network's convolutions, for another network of the same weights."""

import numpy as np
import onnxruntime

from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.int8 import bundled
from datasette_revimg.models.vgg16.architecture import CAFFE, TORCH
from kit.vgg16_reference import seeded_convolutions


def test_they_are_recognised_by_every_number(monkeypatch):
    weights = seeded_convolutions()
    monkeypatch.setattr(bundled, "IDENTITY", bundled.identity(weights.__getitem__))
    assert bundled.are_bundled(weights.__getitem__, CAFFE)
    assert not bundled.are_bundled(weights.__getitem__, TORCH)
    weights["block5_conv3/bias"][511] += 1e-6
    assert not bundled.are_bundled(weights.__getitem__, CAFFE)


def test_their_maps_are_the_bundled_networks():
    model = bundled.read_convolutions()
    pictures = np.random.default_rng(3).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    expected, actual = (
        onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"]).run(
            ["features"], {"images": pictures}
        )[0]
        for network in (VGG16_RMAC.file, model.SerializeToString())
    )
    assert actual.any()
    assert np.array_equal(expected, actual)
    assert [output.name for output in model.graph.output] == ["features"]
    assert model.ByteSize() < VGG16_RMAC.size
