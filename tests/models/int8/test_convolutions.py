"""The steps from float32 convolutions to int8 ones."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from datasette_revimg.models.int8 import calibration, convolutions, rounding
from datasette_revimg.models.vgg16.architecture import CAFFE, INPUT, LAYERS
from datasette_revimg.models.vgg16.graph import attach_tail, build_convolutions
from kit.vgg16_reference import seeded_convolutions, seeded_tail


def test_equalised_channels_give_the_same_vectors():
    weights = seeded_convolutions()
    rng = np.random.default_rng(2)
    maxima = {
        layer: rng.uniform(0.1, 10, (3, len(weights[f"{layer}/bias"]))).astype(np.float32)
        for layer in LAYERS
    }
    factors = calibration.equalisation(maxima)
    for layer in LAYERS[:-1]:
        loudest = (maxima[layer] / factors[layer]).max(axis=0)
        before = maxima[layer].max(axis=0)
        assert loudest.max() / loudest.min() < before.max() / before.min()
    picture = rng.integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    # The tail divides by the loudness what isn't divided yet.
    tail = replace(seeded_tail(), loudness=factors["block4_conv3"])
    models = [build_convolutions(weights.__getitem__, CAFFE)]
    models.append(build_convolutions(convolutions.equalised(weights, factors).__getitem__, CAFFE))
    vectors = []
    for model, equalised in zip(models, (False, True), strict=True):
        attach_tail(model, tail, equalised=equalised)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        vectors.append(session.run(["embedding"], {INPUT: picture})[0][0])
    one, other = vectors
    assert one @ other == pytest.approx(1, abs=1e-5)


def test_rounding_for_outputs_beats_rounding_each_weight():
    rng = np.random.default_rng(3)
    # Inputs that are correlated, as those of a convolution are.
    inputs = rng.normal(size=(2000, 1)) + rng.normal(size=(2000, 60)) / 2
    weights = rng.normal(size=(60, 8)).astype(np.float32)
    limit = 7
    scales = rounding.channel_scales(weights, limit)
    assert scales == pytest.approx(np.abs(weights).max(axis=0) / limit)
    whole = rounding.round_for_outputs(weights, inputs.T @ inputs, scales, limit)
    assert np.array_equal(whole, np.rint(whole))
    assert np.abs(whole).max() <= limit
    nearest = np.rint(weights / scales)

    def error(integers: np.ndarray) -> float:
        return float(np.square(inputs @ (integers * scales) - inputs @ weights).sum())

    assert error(whole) < error(nearest) / 2
