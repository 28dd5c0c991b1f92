"""The bundled network, as it is shipped."""

import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image, ImageDraw

from datasette_revimg.errors import RevimgError
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Network
from datasette_revimg.pictures import decoding
from kit.pictures import encoded


@pytest.fixture(scope="module")
def network():
    return Network(VGG16_RMAC.file, "cpu")


def drawing(shape: str, colour: str, left: int) -> np.ndarray:
    image = Image.new("RGB", (400, 300), "white")
    getattr(ImageDraw.Draw(image), shape)((left, 60, left + 160, 220), fill=colour)
    return decoding.decode(encoded(image)).array


def test_is_the_file_that_the_catalogue_describes():
    data = VGG16_RMAC.file.read_bytes()
    assert hashlib.sha256(data).hexdigest() == VGG16_RMAC.sha256
    assert len(data) == VGG16_RMAC.size <= 16_000_000


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


def test_features_are_the_last_maps():
    session = onnxruntime.InferenceSession(VGG16_RMAC.file, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    assert (image.name, image.type, image.shape[1:]) == ("images", "tensor(uint8)", [224, 224, 3])
    (maps,) = session.run(["features"], {"images": drawing("ellipse", "red", 90)[np.newaxis]})
    assert maps.shape == (1, 512, 7, 7)
    assert maps.min() >= 0 < maps.max()


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


def test_cuda_by_name_fails_where_there_is_none():
    available = onnxruntime.get_available_providers()
    try:
        network = Network(VGG16_RMAC.file, "cuda")
    except RevimgError as error:
        assert "CUDA" in str(error)  # noqa: PT017
    else:
        assert "CUDAExecutionProvider" in available
        assert network.device == "cuda"
