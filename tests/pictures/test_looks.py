"""What a network gets to see of a picture in each way."""

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.errors import RevimgError
from datasette_revimg.pictures.decoding import to_array
from datasette_revimg.pictures.looks import (
    AS_A_WHOLE,
    WAYS,
    Look,
    Ways,
    draw_looks,
    looks,
    parse_ways,
)
from datasette_revimg.pictures.orientations import fit
from datasette_revimg.pictures.region import Crop
from kit.scenes import scene


def drawn(image: Image.Image, names: tuple[str, ...] = WAYS) -> dict[Look, np.ndarray]:
    chosen = looks(Ways(names))
    whole, larger = to_array(image, None), to_array(image, None, 2)
    return dict(zip(chosen, draw_looks(chosen, whole, larger), strict=True))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("whole", ("whole",)),
        ("mirror,windows", ("windows", "mirror")),
        ("turns, whole,turns", ("whole", "turns")),
    ],
)
def test_names_in_a_fixed_order(text, names):
    assert parse_ways(text) == Ways(names)


def test_all_that_is_possible():
    every = ("whole", "middle", "windows", "turns", "mirror")
    assert parse_ways("all") == Ways(every, as_possible=True)


@pytest.mark.parametrize("text", ["", "upside down", "whole,", "all,whole", "WHOLE"])
def test_unknown_names(text):
    with pytest.raises(
        RevimgError, match="the ways are whole, middle, windows, turns, mirror, and all"
    ):
        parse_ways(text)


@pytest.mark.parametrize("size", [(1200, 800), (800, 1200), (900, 900)])
def test_windows_are_parts_at_twice_the_scale(size):
    image = scene(5, size)
    windows = drawn(image, ("windows",))
    assert len(windows) == 5
    shape = to_array(image, None).shape
    for look, array in windows.items():
        assert array.shape == shape
        part = image.crop(look.part.box(size))
        expected = np.asarray(part.resize(shape[1::-1], Image.Resampling.BILINEAR), int)
        # At the edges, the filter sees what lies beyond.
        assert np.abs(array.astype(int) - expected).mean() < 2


def test_windows_cover_the_picture_and_overlap():
    windows = {look.words: look.part for look in drawn(scene(5, (1200, 800)), ("windows",))}
    covered = np.zeros((1000, 1000), int)
    for part in windows.values():
        covered[part.y : part.y + part.height, part.x : part.x + part.width] += 1
    assert covered.min() == 1
    # The one in the middle overlaps the others, to a quarter each.
    assert (covered[250:750, 250:750] == 2).all()
    assert windows == {
        "the upper left part": Crop(0, 0, 500, 500),
        "the upper right part": Crop(500, 0, 500, 500),
        "the middle": Crop(250, 250, 500, 500),
        "the lower left part": Crop(0, 500, 500, 500),
        "the lower right part": Crop(500, 500, 500, 500),
    }


def test_the_middle_alone():
    (middle,) = looks(Ways(("middle",)))
    assert (middle.way, middle.part) == ("middle", Crop(250, 250, 500, 500))
    # Of the windows it is one already.
    assert looks(Ways(("middle", "windows"))) == looks(Ways(("windows",)))


def test_turned_clockwise_and_mirrored():
    image = scene(5, (1200, 800))
    seen = drawn(image)
    by_turn = {
        look.orientation.turned: array for look, array in seen.items() if look.way == "turns"
    }
    assert len(by_turn) == 3
    for degrees, expected in [
        (90, Image.Transpose.ROTATE_270),
        (180, Image.Transpose.ROTATE_180),
        (270, Image.Transpose.ROTATE_90),
    ]:
        turned = to_array(image.transpose(expected), None).astype(int)
        assert by_turn[degrees].shape == turned.shape
        assert np.abs(by_turn[degrees] - turned).mean() < 2
    (mirrored,) = (array for look, array in seen.items() if look.way == "mirror")
    expected = to_array(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), None).astype(int)
    assert np.abs(mirrored - expected).mean() < 2


def test_all_eight_orientations():
    """What their words say, done by Pillow: mirrored first, then turned clockwise."""
    image = scene(5, (1200, 800))
    chosen = looks(Ways(("whole",), any_turn=True))
    turns = {
        90: Image.Transpose.ROTATE_270,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_90,
    }
    words = {""} | {f"turned {degrees}°" for degrees in turns}
    words |= {"mirrored"} | {f"mirrored and turned {degrees}°" for degrees in turns}
    assert {look.words for look in chosen} == words
    for look, array in zip(chosen, draw_looks(chosen, to_array(image, None), None), strict=True):
        done = image
        if "mirrored" in look.words:
            done = done.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for degrees, turn in turns.items():
            if str(degrees) in look.words:
                done = done.transpose(turn)
        expected = to_array(done, None).astype(int)
        assert array.shape == expected.shape
        assert np.abs(array - expected).mean() < 2, look
    # In whichever ways else, each once.
    assert looks(Ways(("turns", "mirror"), any_turn=True)) == chosen
    assert len(looks(Ways(("whole", "middle"), any_turn=True))) == 9


def test_the_whole_picture_needs_nothing_larger():
    whole = to_array(scene(5), None)
    (seen,) = draw_looks(looks(AS_A_WHOLE), whole, None)
    assert np.array_equal(seen, whole)


def test_window_of_a_region_within_the_picture():
    look = Look("windows", Crop(500, 0, 500, 500))
    assert look.within(None) == Crop(500, 0, 500, 500)
    assert look.within(Crop(100, 200, 400, 600)) == Crop(300, 200, 200, 300)
    assert Look().within(Crop(100, 200, 400, 600)) is None
    tiny = look.within(Crop(999, 999, 1, 1))
    assert (tiny.width, tiny.height) == (1, 1)


def test_fit_squeezes_what_a_network_of_one_size_gets():
    turned = np.rot90(to_array(scene(5), (64, 96)))
    assert fit(turned, (64, 96)).shape == (64, 96, 3)
    assert fit(turned, (96, 64)) is turned
