"""The steps from float32 weights to the bundled int8 network."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from datasette_revimg.models.bundling import bundle, calibration, photographs, rounding
from datasette_revimg.models.vgg16.architecture import CAFFE, INPUT, LAYERS
from datasette_revimg.models.vgg16.graph import attach_tail, build_convolutions
from datasette_revimg.pictures import decoding
from kit.pictures import mosaic
from kit.vgg16_reference import seeded_convolutions, seeded_tail


def test_photographs_in_order_and_without_links(tmp_path):
    """The second folder's come second, whatever it is called."""
    folders = [tmp_path / "z", tmp_path / "a"]
    for folder in folders:
        (folder / "deep").mkdir(parents=True)
        for name in ("2.png", "1.PNG", "deep/0.png"):
            (folder / name).write_bytes(mosaic(1))
        (folder / "notes.txt").write_text("no picture")
        (folder / "3.png").symlink_to(folder / "2.png")
    names = ["1.PNG", "2.png", "deep/0.png"]
    expected = [folder / name for folder in folders for name in names]
    assert photographs.photographs(folders) == expected


def test_quarters(tmp_path):
    """Each quarter has the colour of its corner, and the aspect of a quarter."""
    photo = np.zeros((300, 600, 3), np.uint8)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    for (top, left), colour in zip([(0, 0), (0, 300), (150, 0), (150, 300)], colours, strict=True):
        photo[top : top + 150, left : left + 300] = colour
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    whole, *quarters = photographs.quartered(file)
    assert np.array_equal(whole, decoding.decode(file.read_bytes(), None).array)
    for quarter, colour in zip(quarters, colours, strict=True):
        assert quarter.shape == (160, 320, 3)
        assert (quarter == colour).all()


def test_calibration_pictures_are_the_same_every_time(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(mosaic(number))
    files = photographs.photographs([tmp_path])
    first, again = (
        list(photographs.calibration_batches(files, np.random.default_rng(1))) for _ in range(2)
    )
    assert [len(batch) for batch in first] == [15, 3]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert np.array_equal(first[1][0], photographs.read(files[5]))


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
    models.append(build_convolutions(bundle.equalised(weights, factors).__getitem__, CAFFE))
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
