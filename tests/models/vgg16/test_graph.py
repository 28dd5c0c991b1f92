"""The graph against VGG16 and R-MAC written once more, in numpy, from the papers."""

import h5py
import numpy as np
import onnxruntime
import pytest

from datasette_revimg.errors import WeightsError
from datasette_revimg.models.vgg16 import architecture, graph
from datasette_revimg.models.vgg16.architecture import CAFFE
from datasette_revimg.models.weights import convert, readers
from kit.vgg16_reference import (
    CAFFE_MEANS_BGR,
    block_maps,
    bundled_convolutions,
    fc2,
    features,
    rmac,
    seeded_convolutions,
    seeded_dense,
    seeded_tail,
    whitened,
)


@pytest.fixture(scope="module")
def weights():
    return seeded_convolutions()


def session(model):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def smooth_picture():
    """Large patches, so that a shifted or mirrored picture would give other features."""
    rng = np.random.default_rng(1)
    return np.kron(rng.integers(0, 256, (7, 7, 3)), np.ones((32, 32, 1))).astype(np.uint8)


def test_equals_the_papers(weights):
    picture = smooth_picture()
    tail = seeded_tail()
    network = session(graph.build_rmac(weights.__getitem__, CAFFE, tail))
    outputs = ["embedding", "features", "block4_features"]
    # A strip: height and width, and both blocks' regions, must not be mistaken for each other.
    for pixels in (picture, np.hstack([picture, picture[:, :96]])[:96]):
        embedding, *maps = network.run(outputs, {"images": pixels[np.newaxis]})
        *_, block4, block5 = block_maps(pixels, weights)
        expected = [block5, block4 / tail.loudness]
        for actual, block in zip(maps, expected, strict=True):
            assert np.allclose(actual[0].transpose(1, 2, 0), block, rtol=1e-3, atol=1e-3)
        assert embedding.shape == (1, 64)
        assert np.dot(embedding[0], whitened(*map(rmac, expected[::-1]), tail)) > 0.999999


def test_a_black_network_gives_no_nan(weights):
    """Nothing fires: the picture lies where the mean is subtracted from nothing."""
    silent = {name: np.full_like(array, -1e-6) for name, array in weights.items()}
    for layer in ("block4_conv3", "block5_conv3"):
        silent[f"{layer}/bias"] = np.full(512, -1.0, np.float32)
    tail = seeded_tail()
    (embedding,) = session(graph.build_rmac(silent.__getitem__, CAFFE, tail)).run(
        ["embedding"], {"images": np.zeros((1, 224, 224, 3), np.uint8)}
    )
    expected = -tail.mean @ tail.matrix
    assert np.allclose(embedding[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_layers():
    assert len(architecture.LAYERS) == 13
    shapes = architecture.conv_shapes()
    parameters = sum(int(np.prod(shape)) + shape[3] for shape in shapes.values())
    # As the article and Keras' summary give it for VGG16 without its top.
    assert parameters == 14_714_688


def test_fc2_equals_the_papers_and_nothing_near_it(tmp_path):
    """Keras' flatten, the order of the colours and the means: each of them would show."""
    weights = {**bundled_convolutions(), **seeded_dense()}
    file = tmp_path / "vgg16.onnx"
    convert.write_network(file, weights.__getitem__, CAFFE, top=True, float16=False)
    network = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    picture = smooth_picture()
    vectors, probabilities = network.run(["fc2", "predictions"], {"images": picture[np.newaxis]})
    file.unlink()
    maps = features(picture, weights)
    assert vectors[0] @ fc2(maps.reshape(-1), weights) >= 0.999999
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)
    wrong = {
        "channels first": maps.transpose(2, 0, 1),
        "RGB": features(picture, weights, bgr=False, means=CAFFE_MEANS_BGR[::-1]),
        "no means": features(picture, weights, means=(0, 0, 0)),
    }
    for name, other in wrong.items():
        assert vectors[0] @ fc2(other.reshape(-1), weights) < 0.999, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("block3_conv2/bias"), "block3_conv2/bias is missing"),
        (
            lambda w: w.update({"block1_conv1/kernel": np.zeros((3, 3, 3, 32), np.float32)}),
            "block1_conv1/kernel has the shape",
        ),
        (
            lambda w: w.update({"block2_conv1/bias": np.full(128, np.nan, np.float32)}),
            "block2_conv1/bias holds numbers that are not finite",
        ),
    ],
)
def test_damaged_weights_are_named(weights, tmp_path, change, message):
    damaged = dict(weights)
    change(damaged)
    file = tmp_path / "damaged.npz"
    np.savez(file, **damaged)
    with pytest.raises(WeightsError, match=message):
        readers.read_convolutions(file)


def test_reads_npz_and_keras_files(weights, tmp_path):
    np.savez(tmp_path / "weights.npz", **weights)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        for layer in architecture.LAYERS:
            group = file.create_group(layer)
            group[f"{layer}_W_1:0"] = weights[f"{layer}/kernel"]
            group[f"{layer}_b_1:0"] = weights[f"{layer}/bias"]
    with h5py.File(tmp_path / "new.h5", "w") as file:
        for layer in architecture.LAYERS:
            group = file.create_group(f"model_weights/{layer}/{layer}")
            group["kernel:0"] = weights[f"{layer}/kernel"]
            group["bias:0"] = weights[f"{layer}/bias"]
    for name in ("weights.npz", "old.h5", "new.h5"):
        read = readers.read_convolutions(tmp_path / name)
        assert read.keys() == weights.keys()
        assert all(np.array_equal(read[key], weights[key]) for key in weights)


def test_a_file_that_is_no_weights(tmp_path):
    file = tmp_path / "weights.h5"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match=r"weights\.h5"):
        readers.read_convolutions(file)
