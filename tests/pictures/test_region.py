"""Regions of pictures: as texts, in pixels, and decoded."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.errors import RevimgError
from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.region import Crop, parse_region
from kit.pictures import encoded, oriented


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,0,0,100", "0,0,100,0", "-1,0,10,10",
        "0,0,1001,10", "501,0,500,10", "0,501,10,500", "0.5,0,10,10", "0,0,٣,10", "0,0,1e2,10",
        " 0,0,10,10", "0,0,00010,10",
    ],
)  # fmt: skip
def test_crops_that_cannot_be(text):
    with pytest.raises(RevimgError, match="_crop"):
        parse_region(text)


def test_crop_in_pixels():
    assert parse_region(None) is None
    assert parse_region("0,250,500,750") == Crop(0, 250, 500, 750)
    assert Crop(0, 0, 1000, 1000).box((321, 7)) == (0, 0, 321, 7)
    assert Crop(500, 250, 500, 500).box((400, 400)) == (200, 100, 400, 300)
    # Neighbours share an edge, and even a thousandth of a small picture is a pixel.
    assert Crop(0, 0, 333, 1000).box((100, 1))[2] == Crop(333, 0, 667, 1000).box((100, 1))[0]
    for x in range(1000):
        left, upper, right, lower = Crop(x, x, 1, 1).box((7, 2000))
        assert 0 <= left < right <= 7
        assert 0 <= upper < lower <= 2000


@pytest.mark.parametrize("orientation", range(1, 9))
def test_crop_is_of_the_upright_picture(orientation):
    """One quarter of the upright picture is red, wherever it lies in the pixels of the file."""
    upright = Image.new("RGB", (2400, 1600), (0, 0, 255))
    upright.paste((255, 0, 0), (1200, 0, 2400, 800))
    data = oriented(upright, orientation, "JPEG", quality=92)
    picture = decoding.decode(data, crop=Crop(500, 0, 500, 500))
    # The network's picture holds the quarter alone, up to JPEG's smear at its edges.
    assert np.abs(picture.array[8:-8, 8:-8].astype(int) - (255, 0, 0)).max() < 12
    assert (picture.width, picture.height) == (2400, 1600)
    with Image.open(io.BytesIO(picture.thumbnail)) as thumbnail:
        assert thumbnail.size == (320, 213)


def test_small_region_is_decoded_large():
    """A fine grid in a twentieth of the picture is still there: nothing was scaled down before
    it was cut out."""
    size = 4000
    grid = np.full((size, size, 3), 128, np.uint8)
    region = grid[:200, :200]
    region[:, ::2] = 0
    region[:, 1::2] = 255
    data = encoded(Image.fromarray(grid), "JPEG", quality=92, subsampling=0)
    array = decoding.decode(data, crop=Crop(0, 0, 50, 50)).array
    assert array[20:-20, 20:-20].std() > 60


def test_exif_turned_region_is_decoded_large_both_ways():
    """The strip at the top of the upright picture lies at the left of the pixels in the file."""
    grid = np.full((4000, 1000, 3), 128, np.uint8)
    grid[:200, ::2] = 0
    grid[:200, 1::2] = 255
    data = oriented(Image.fromarray(grid), 6, "JPEG", quality=92, subsampling=0)
    array = decoding.decode(data, crop=Crop(0, 0, 224, 50)).array
    assert array[20:-20, 20:-20].std() > 60
