"""The graph against VGG16 and R-MAC written once more, in numpy, from the papers."""

from itertools import product

import numpy as np
import onnxruntime
import pytest

from datasette_revimg.weights import readers, vgg16
from datasette_revimg.weights.catalogue import CAFFE
from datasette_revimg.weights.vgg16 import WeightsError


@pytest.fixture(scope="module")
def weights():
    """Seeded weights that keep the activations' size from layer to layer (He et al. 2015)."""
    rng = np.random.default_rng(16)
    arrays = {}
    for layer, shape in vgg16.conv_shapes().items():
        spread = np.sqrt(2 / (9 * shape[2]))
        arrays[f"{layer}/kernel"] = rng.normal(0, spread, shape).astype(np.float32)
        arrays[f"{layer}/bias"] = rng.normal(0, 0.1, shape[3:]).astype(np.float32)
    return arrays


def convolution(maps, kernel, bias):
    """(H, W, in) → (H, W, out), 3×3, zero padding, ReLU."""
    padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
    height, width, _ = maps.shape
    total = np.zeros((height, width, kernel.shape[3]), np.float32)
    for dy, dx in product(range(3), range(3)):
        total += padded[dy : dy + height, dx : dx + width] @ kernel[dy, dx]
    return np.maximum(total + bias, 0)


def max_pool(maps):
    height, width, channels = maps.shape
    return maps.reshape(height // 2, 2, width // 2, 2, channels).max((1, 3))


def features(picture, weights):
    """The last block's 7×7×512 maps, with Keras' “caffe” preprocessing."""
    maps = picture[:, :, ::-1].astype(np.float32) - np.float32([103.939, 116.779, 123.68])
    for block, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, convolutions + 1):
            layer = f"block{block}_conv{number}"
            maps = convolution(maps, weights[f"{layer}/kernel"], weights[f"{layer}/bias"])
        maps = max_pool(maps)
    return maps


# (top, left, side) on a 7×7 map. Tolias et al.: side 2·7/(l+1) rounded down, l regions along
# each edge, spread evenly from edge to edge.
REGIONS = [
    (0, 0, 7),
    *((top, left, 4) for top in (0, 3) for left in (0, 3)),
    *((top, left, 3) for top in (0, 2, 4) for left in (0, 2, 4)),
]


def rmac(maps):
    total = np.zeros(maps.shape[2])
    for top, left, side in REGIONS:
        region = maps[top : top + side, left : left + side].max((0, 1))
        total += region / np.linalg.norm(region)
    root = np.sqrt(total)
    return root / np.linalg.norm(root)


def session(model):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def test_equals_the_papers(weights):
    rng = np.random.default_rng(1)
    # Smooth, so that a shifted or mirrored picture would give other features.
    picture = np.kron(rng.integers(0, 256, (7, 7, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    network = session(vgg16.build_rmac(weights, CAFFE))
    embedding, maps = network.run(["embedding", "features"], {"images": picture[np.newaxis]})
    expected = features(picture, weights)
    assert maps.shape == (1, 512, 7, 7)
    assert np.allclose(maps[0].transpose(1, 2, 0), expected, rtol=1e-3, atol=1e-3)
    assert embedding.shape == (1, 512)
    assert np.dot(embedding[0], rmac(expected)) > 0.999999


def test_a_black_network_gives_no_nan(weights):
    silent = {name: np.full_like(array, -1e-6) for name, array in weights.items()}
    silent["block5_conv3/bias"] = np.full(512, -1.0, np.float32)
    (embedding,) = session(vgg16.build_rmac(silent, CAFFE)).run(
        ["embedding"], {"images": np.zeros((1, 224, 224, 3), np.uint8)}
    )
    assert (embedding == 0).all()


def test_layers():
    assert len(vgg16.LAYERS) == 13
    shapes = vgg16.conv_shapes()
    parameters = sum(int(np.prod(shape)) + shape[3] for shape in shapes.values())
    # As the article and Keras' summary give it for VGG16 without its top.
    assert parameters == 14_714_688


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
    h5py = pytest.importorskip("h5py", reason="h5py reads Keras' files")
    np.savez(tmp_path / "weights.npz", **weights)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        for layer in vgg16.LAYERS:
            group = file.create_group(layer)
            group[f"{layer}_W_1:0"] = weights[f"{layer}/kernel"]
            group[f"{layer}_b_1:0"] = weights[f"{layer}/bias"]
    with h5py.File(tmp_path / "new.h5", "w") as file:
        for layer in vgg16.LAYERS:
            group = file.create_group(f"model_weights/{layer}/{layer}")
            group["kernel:0"] = weights[f"{layer}/kernel"]
            group["bias:0"] = weights[f"{layer}/bias"]
    for name in ("weights.npz", "old.h5", "new.h5"):
        read = readers.read_convolutions(tmp_path / name)
        assert read.keys() == weights.keys()
        assert all(np.array_equal(read[key], weights[key]) for key in weights)


def test_a_file_that_is_no_weights(tmp_path):
    pytest.importorskip("h5py", reason="h5py reads Keras' files")
    file = tmp_path / "weights.h5"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match=r"weights\.h5"):
        readers.read_convolutions(file)
