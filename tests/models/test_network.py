"""The bundled network, as it is shipped."""

import hashlib

import numpy as np
import onnx
import pytest
from PIL import Image, ImageDraw

from datasette_revimg.errors import RevimgError
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Network
from datasette_revimg.models.vgg16.tail import bundled_tail
from datasette_revimg.pictures import decoding
from kit.pictures import encoded
from kit.vgg16_reference import rmac, whitened


@pytest.fixture(scope="module")
def network():
    return Network(VGG16_RMAC.file, "cpu")


def drawing(shape: str, colour: str, left: int) -> np.ndarray:
    image = Image.new("RGB", (400, 300), "white")
    getattr(ImageDraw.Draw(image), shape)((left, 60, left + 160, 220), fill=colour)
    return decoding.decode(encoded(image), None).array


def test_is_the_file_that_the_catalogue_describes():
    data = VGG16_RMAC.file.read_bytes()
    assert hashlib.sha256(data).hexdigest() == VGG16_RMAC.sha256
    # Repositories and package indexes take files of less than 20 MB without asking.
    assert len(data) == VGG16_RMAC.size < 20_000_000


def test_unit_vectors_of_any_batch(network):
    pictures = np.stack([drawing("ellipse", "red", left) for left in (40, 90, 140)])
    together = network.embed(pictures)
    assert together.shape == (3, VGG16_RMAC.dimension)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    for picture, vector in zip(pictures, together, strict=True):
        assert network.embed(picture[np.newaxis])[0] == pytest.approx(vector, abs=1e-6)


def test_sees_what_people_see(network):
    """The same disc elsewhere is nearer than a square, and a square nearer than a photo's noise."""
    disc, moved, square = network.embed(
        np.stack(
            [
                drawing("ellipse", "red", 40),
                drawing("ellipse", "red", 120),
                drawing("rectangle", "blue", 40),
            ]
        )
    )
    noise = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    (other,) = network.embed(noise)
    assert disc @ moved > disc @ square > disc @ other


def test_takes_any_picture(network):
    """One shape a batch; a strip and a square have maps of their own shapes."""
    assert network.size is None
    for height, width in ((96, 320), (256, 256), (320, 224)):
        pictures = np.random.default_rng(1).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        batch = network.encode(pictures, features=True)
        assert batch.vectors.shape == (2, VGG16_RMAC.dimension)
        block5, block4 = batch.features
        assert block5.shape == (2, 512, height // 32, width // 32)
        assert block4.shape == (2, 512, height // 16, width // 16)
        assert block5.min() >= 0 < block5.max()


def test_the_vector_is_the_papers(network):
    """R-MAC and whitening done once more, in float64, from the network's own maps."""
    picture = decoding.decode(encoded(Image.fromarray(scene())), None).array[:, :224]
    assert picture.shape == (224, 224, 3)
    batch = network.encode(picture[np.newaxis], features=True)
    block5, block4 = (rmac(maps[0].transpose(1, 2, 0).astype(float)) for maps in batch.features)
    assert batch.vectors[0] @ whitened(block4, block5, bundled_tail()) >= 0.99999


def scene() -> np.ndarray:
    """Draw large patches of different colours, uint8 (224, 320, 3)."""
    patches = np.random.default_rng(3).integers(0, 256, (7, 10, 3))
    return np.kron(patches, np.ones((32, 32, 1))).astype(np.uint8)


def test_weights_have_seven_bits():
    """Beyond them, processors without VNNI would saturate and give other vectors."""
    graph = onnx.load(VGG16_RMAC.file).graph
    kernels = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4
    ]
    assert len(kernels) >= 12
    for kernel in kernels:
        assert np.abs(kernel.astype(np.int16)).max() <= 64


def test_not_a_model(tmp_path):
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(RevimgError, match=r"broken\.onnx: ONNX Runtime can't load"):
        Network(file)
