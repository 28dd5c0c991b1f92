"""A picture in several ways: the vectors are those of the parts and turns embedded alone."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from datasette_revimg.embedding.looking import Looked, look
from datasette_revimg.errors import RevimgError
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.custom import read_model
from datasette_revimg.models.network import Network
from datasette_revimg.pictures.decoding import Picture, decode
from datasette_revimg.pictures.looks import WAYS, Ways, parse_ways
from datasette_revimg.pictures.region import Crop
from kit.scenes import COUNT, saved, scene
from kit.tiny_network import Tiny

EVERY = Ways(WAYS)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(VGG16_RMAC.file, "cpu")


def looked(network: Network, data: bytes, ways: Ways, crop: Crop | None = None) -> Looked:
    def scaled(scale: int) -> Picture:
        return decode(data, network.size, crop, scale=scale)

    return look(network, "some-model", scaled, ways, crop)


def alone(network: Network, image: Image.Image) -> np.ndarray:
    return network.embed(decode(saved(image, "PNG"), network.size).array[np.newaxis])[0]


def test_each_look_has_the_vector_of_what_is_seen(network):
    image = scene(COUNT + 3, (1280, 896))
    result = looked(network, saved(image, "PNG"), EVERY)
    assert result.vectors.shape == (10, 1024)
    turns = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180}
    turns[270] = Image.Transpose.ROTATE_90
    for each, vector in zip(result.looks, result.vectors, strict=True):
        seen = image.crop(each.part.box(image.size)) if each.part else image
        if each.orientation.turned:
            seen = seen.transpose(turns[each.orientation.turned])
        if each.orientation.mirrored:
            seen = seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        assert vector @ alone(network, seen) > 0.98, each


def test_the_whole_is_exactly_what_it_is_alone(network):
    """Even of a large JPEG, which is decoded larger for its windows."""
    data = saved(scene(3, (2400, 1600)))
    whole = looked(network, data, Ways(("whole", "windows"))).vectors[0]
    expected = network.embed(decode(data, network.size).array[np.newaxis])[0]
    assert np.abs(whole - expected).max() < 1e-6


def test_windows_of_a_region(network):
    image = scene(COUNT + 3, (2560, 1792))
    crop = Crop(500, 500, 500, 500)
    result = looked(network, saved(image, "PNG"), Ways(("windows",)), crop)
    last = result.looks[-1].within(crop)
    assert (last.x, last.y, last.width, last.height) == (750, 750, 250, 250)
    assert result.vectors[-1] @ alone(network, image.crop(last.box(image.size))) > 0.98


def test_a_small_picture_has_no_windows(network):
    data = saved(scene(3).resize((160, 112)))
    with pytest.raises(RevimgError) as caught:
        looked(network, data, Ways(("whole", "windows")))
    assert str(caught.value) == (
        "the picture has 160 × 112 pixels, too few to look at parts of it, which takes 320 × 224: "
        "leave windows out"
    )
    with pytest.raises(RevimgError, match="leave middle and windows out"):
        looked(network, data, EVERY)
    possible = looked(network, data, parse_ways("all"))
    assert [each.way for each in possible.looks] == ["whole", *["turns"] * 3, "mirror"]
    with pytest.raises(RevimgError, match="the region has 160 × 112 pixels, too few"):
        looked(network, saved(scene(3, (320, 224))), EVERY, Crop(0, 0, 500, 500))


@pytest.fixture
def tiny(tmp_path) -> Tiny:
    made = Tiny(tmp_path / "tiny.onnx", size=(32, 48))
    made.describe()
    return made


def loaded(tiny: Tiny, **options) -> Network:
    model = read_model(tiny.save(**options))
    return Network(model.file, "cpu", output=model.output, pixels=model.pixels)


@pytest.mark.parametrize("batch", ["n", 1])
def test_a_network_of_one_size(tiny, batch):
    """What is turned is squeezed as the picture itself is; one at a time, if it takes no more."""
    tiny.batch = batch
    own = loaded(tiny)
    image = scene(4, (600, 400))
    result = looked(own, saved(image, "PNG"), EVERY)
    assert len(result.vectors) == 10
    (turned,) = (n for n, each in enumerate(result.looks) if each.words == "turned 90°")
    expected = alone(own, image.transpose(Image.Transpose.ROTATE_270))
    assert result.vectors[turned] @ expected == pytest.approx(1, abs=1e-2)


def test_a_network_that_cant_take_several(tiny):
    """It doesn't say so; only a run shows it."""

    def one_only(graph):
        shape = np.array([1, 6], np.int64)
        graph.initializer.append(numpy_helper.from_array(shape, "shape"))
        graph.node[-1].output[0] = "before"
        graph.node.append(helper.make_node("Reshape", ["before", "shape"], ["vector"]))
        graph.output[0].type.tensor_type.ClearField("shape")

    own = loaded(tiny, change=one_only)
    data = saved(scene(4, (600, 400)), "PNG")
    with pytest.raises(RevimgError, match="some-model can’t be run on several pictures") as caught:
        looked(own, data, EVERY)
    assert str(tiny.file) not in str(caught.value)
    # Nor is it left out silently that turned copies were asked for.
    with pytest.raises(RevimgError, match="search with it as it is"):
        looked(own, data, Ways(("whole",), as_possible=True, any_turn=True))
    # What wasn't asked for by name is left out.
    result = looked(own, data, parse_ways("all"))
    assert [each.way for each in result.looks] == ["whole"]
    assert result.vectors[0] @ alone(own, scene(4, (600, 400))) == pytest.approx(1, abs=1e-4)
