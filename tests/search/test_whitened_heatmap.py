"""Where two pictures agree, by whitened vectors: against the network's own, and geometry."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.vgg16.tail import Tail, bundled_tail
from datasette_revimg.search import whitened_heatmap
from kit.things import (
    OBJECT,
    SIDE,
    check_hot_where_both_have_it,
    check_hot_where_the_thing_is,
    scene,
    texture,
    two_things,
)


@pytest.fixture(scope="module")
def run():
    """Run the bundled network: vectors (N, D), and each picture's maps of block 5 and block 4."""
    session = onnxruntime.InferenceSession(VGG16_RMAC.file, providers=["CPUExecutionProvider"])
    outputs = ["embedding", "features", "block4_features"]

    def answer(*pictures):
        vectors, *maps = session.run(outputs, {"images": np.stack(pictures)})
        return vectors, list(zip(*maps, strict=True))

    return answer


def heat_of(maps, other) -> np.ndarray:
    """Return the heat of one picture beside another one, each by its maps."""
    tail = bundled_tail()
    return whitened_heatmap.attribute_cosine(maps, whitened_heatmap.pool(other, tail), tail)


def test_pooled_is_the_networks_own_vector(run):
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    vectors, maps = run(scene(texture(1), 5, 128), noise, np.zeros_like(noise))
    for vector, of_picture in zip(vectors, maps, strict=True):
        pooled = whitened_heatmap.pool(of_picture, bundled_tail())
        np.testing.assert_allclose(pooled, vector, atol=1e-5)


def test_the_cells_are_the_whole_cosine(run):
    strip = np.hstack([scene(texture(3), 60, 90)] * 2)[64:160, :320]
    vectors, maps = run(scene(texture(1), 5, 128), scene(texture(2), 100, 40))
    (long_vector,), (long_maps,) = run(strip)
    vectors, maps = [*vectors, long_vector], [*maps, long_maps]
    for a in range(3):
        for b in range(3):
            heat = heat_of(maps[a], maps[b])
            assert heat.sum() == pytest.approx(float(vectors[a] @ vectors[b]), abs=1e-4)
            assert heat.shape == ((3, 10) if a == 2 else (7, 7))
            assert heat.dtype == np.float32


@pytest.mark.parametrize("ground", [40, 128, 255])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heat_is_where_the_common_object_is(run, seed, ground):
    """The same thing at the left of one picture and at the right of the other."""
    thing = texture(seed)
    _, maps = run(scene(thing, 5, ground), scene(thing, SIDE - OBJECT - 5, ground))
    left, right = heat_of(maps[0], maps[1]), heat_of(maps[1], maps[0])
    check_hot_where_the_thing_is(left, right)


def test_only_what_both_have_is_hot(run):
    """Two things, of which the other picture has one."""
    _, maps = run(*two_things())
    with_common, with_alone = heat_of(maps[0], maps[1]), heat_of(maps[0], maps[2])
    check_hot_where_both_have_it(with_common, with_alone)


def test_by_hand():
    """Two channels of block 5 that fire in one cell each, and one of block 4."""
    block5, block4 = np.zeros((2, 7, 7)), np.zeros((2, 14, 14))
    # Each is seen by one region of each level, with nothing beside it.
    block5[0, 0, 0] = block4[1, 13, 13] = 5
    # Two directions: what block 5's first channel has more than the mean, and what its second has.
    tail = Tail(
        exponent=1,
        weight=1,
        loudness=np.ones(2),
        mean=np.array([0, 0, 0.4, 0.8]),
        matrix=np.array([[0, 0], [0, 0], [1, 0], [0, 1]]),
    )
    # u = (0, 1, 1, 0), the deviation of block 5 (0.6, -0.8), already of length 1.
    np.testing.assert_allclose(whitened_heatmap.pool((block5, block4), tail), [0.6, -0.8])
    heat = whitened_heatmap.attribute_cosine((block5, block4), np.array([1.0, 0.0]), tail)
    # What is there more of is in its cell, and is the whole cosine.
    assert heat[0, 0] == pytest.approx(0.6)
    assert np.delete(heat.ravel(), 0) == pytest.approx(0)
    # What both lack is nowhere in particular.
    heat = whitened_heatmap.attribute_cosine((block5, block4), np.array([0.0, -1.0]), tail)
    assert heat == pytest.approx(0.8 / 49)


def test_maps_without_anything():
    """The vector of nothing is where the mean is subtracted from nothing; no cell is special."""
    tail = bundled_tail()
    maps = np.zeros((512, 7, 7)), np.zeros((512, 14, 14))
    vector = whitened_heatmap.pool(maps, tail)
    assert vector @ vector == pytest.approx(1, abs=1e-5)
    heat = whitened_heatmap.attribute_cosine(maps, vector, tail)
    assert heat == pytest.approx(1 / 49, abs=1e-5)
