"""Where two pictures agree, by the last convolutions alone: the cells' shares, and geometry."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.search import heatmap
from kit.things import (
    OBJECT,
    SIDE,
    check_hot_where_both_have_it,
    check_hot_where_the_thing_is,
    scene,
    texture,
    two_things,
)
from kit.vgg16_reference import rmac


def plain_rmac(maps: np.ndarray) -> np.ndarray:
    """Return the square root of R-MAC, of length 1, of maps (C, 7, 7)."""
    root = np.sqrt(rmac(maps.transpose(1, 2, 0)))
    return root / np.linalg.norm(root)


@pytest.fixture(scope="module")
def run():
    """Run the bundled network's convolutions: maps (N, 512, 7, 7) of N pictures."""
    import onnxruntime

    session = onnxruntime.InferenceSession(VGG16_RMAC.file, providers=["CPUExecutionProvider"])
    return lambda *pictures: session.run(["features"], {"images": np.stack(pictures)})[0]


def test_the_shares_are_the_whole_cosine(run):
    maps = run(scene(texture(1), 5, 128), scene(texture(2), 100, 40))
    vectors = [plain_rmac(each) for each in maps]
    cosine = float(vectors[0] @ vectors[1])
    first = heatmap.attribute_cosine(maps[0], heatmap.pool(maps[1]))
    second = heatmap.attribute_cosine(maps[1], heatmap.pool(maps[0]))
    assert first.sum() == pytest.approx(cosine, abs=1e-5)
    assert second.sum() == pytest.approx(cosine, abs=1e-5)
    for heat in (first, second):
        assert heat.shape == (7, 7)
        assert heat.dtype == np.float32
        assert heat.min() >= 0
        assert heat.max() <= 1


@pytest.mark.parametrize("ground", [40, 128, 255])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heat_is_where_the_common_object_is(run, seed, ground):
    """The same thing at the left of one picture and at the right of the other."""
    thing = texture(seed)
    maps = run(scene(thing, 5, ground), scene(thing, SIDE - OBJECT - 5, ground))
    left = heatmap.attribute_cosine(maps[0], heatmap.pool(maps[1]))
    right = heatmap.attribute_cosine(maps[1], heatmap.pool(maps[0]))
    check_hot_where_the_thing_is(left, right)


def test_only_what_both_have_is_hot(run):
    """Two things, of which the other picture has one."""
    maps = run(*two_things())
    with_common = heatmap.attribute_cosine(maps[0], heatmap.pool(maps[1]))
    with_alone = heatmap.attribute_cosine(maps[0], heatmap.pool(maps[2]))

    check_hot_where_both_have_it(with_common, with_alone)


def test_the_same_picture_twice(run):
    maps = run(scene(texture(1), 5, 128), scene(texture(1), 5, 128))
    first = heatmap.attribute_cosine(maps[0], heatmap.pool(maps[1]))
    second = heatmap.attribute_cosine(maps[1], heatmap.pool(maps[0]))
    np.testing.assert_array_equal(first, second)
    assert first.sum() == pytest.approx(1, abs=1e-6)


def test_by_hand():
    """Two channels, each with one cell: each region that sees a cell gives it its share."""
    maps = np.zeros((2, 7, 7))
    maps[0, 0, 0] = 3  # seen by level 1, one region of level 2, one of level 3
    maps[1, 6, 6] = 4  # likewise, at the opposite corner
    # Level 1 sees both, 3/5 and 4/5; the two others see one alone, 1 each.
    s = np.array([0.6 + 2, 0.8 + 2])
    expected = np.sqrt(s) / np.sqrt(s.sum())
    np.testing.assert_allclose(heatmap.pool(maps), expected)
    heat = heatmap.attribute_cosine(maps, np.array([1.0, 0.0]))
    assert heat[0, 0] == pytest.approx(expected[0])
    assert heat.sum() == pytest.approx(expected[0])


def test_equal_maxima_share_alike():
    maps = np.zeros((1, 7, 7))
    maps[0, 3, 2] = maps[0, 3, 4] = 1
    heat = heatmap.attribute_cosine(maps, np.ones(1))
    assert heat[3, 2] == heat[3, 4] == pytest.approx(0.5)


def test_maps_without_anything():
    maps = np.zeros((512, 7, 7))
    assert not heatmap.pool(maps).any()
    assert not heatmap.attribute_cosine(maps, np.ones(512)).any()


def test_no_onnx_for_pages():
    """Importing onnx takes longer than most pages do."""
    code = "import sys, datasette_revimg.search.whitened_heatmap; sys.exit('onnx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
