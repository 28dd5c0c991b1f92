"""Turned and mirrored arrays are what Pillow makes of the pictures, and are called by that name."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures.orientations import OTHERS, UPRIGHT, other_orientations

PICTURE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)

# Pillow turns anticlockwise.
TURNS = {
    "90": Image.Transpose.ROTATE_270,
    "180": Image.Transpose.ROTATE_180,
    "270": Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("orientation", OTHERS, ids=lambda each: each.words)
def test_its_words_say_what_is_done(orientation):
    image = Image.fromarray(PICTURE)
    if "mirrored" in orientation.words:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for degrees in re.findall(r"turned (\d+)°", orientation.words):
        image = image.transpose(TURNS[degrees])
    assert np.array_equal(orientation.of(PICTURE), np.asarray(image))
    assert np.array_equal(orientation.reverse.of(orientation.of(PICTURE)), PICTURE)


def test_there_are_seven_others():
    arrays = [PICTURE, *other_orientations(PICTURE, None)]
    assert len({(array.shape, array.tobytes()) for array in arrays}) == 8
    assert UPRIGHT.words == ""


def test_a_network_of_one_size_gets_that():
    for array in other_orientations(PICTURE, (4, 6)):
        assert array.shape == (4, 6, 3)
