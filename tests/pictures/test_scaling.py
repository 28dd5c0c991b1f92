"""Large pictures are decoded small, and nobody sees it."""

import io

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.region import Crop
from datasette_revimg.pictures.scaling import least_size, reduced
from kit.pictures import encoded
from kit.scenes import scene

LARGE = (2400, 1600)


def drafted(picture, network, crop=None):
    """Return the size that libjpeg decodes a picture to."""
    image = Image.open(io.BytesIO(encoded(Image.new("RGB", picture), "JPEG")))
    image.draft("RGB", least_size(picture, network, crop))
    return image.size


@pytest.mark.parametrize(
    ("picture", "network", "size"),
    [
        # A 12-megapixel picture: an eighth still is half as large again as what becomes of it.
        ((4000, 3000), (224, 224), (500, 375)),
        ((4000, 3000), (224, 320), (500, 375)),
        # Windows of an uploaded picture.
        ((4000, 3000), (448, 448), (1000, 750)),
        # A panorama is low.
        ((6000, 1600), (224, 224), (1500, 400)),
        ((300, 200), (224, 224), (300, 200)),
        ((1, 5000), (224, 224), (1, 5000)),
    ],
)
def test_least_size(picture, network, size):
    assert drafted(picture, network) == size
    height, width = drafted(picture[::-1], network[::-1])
    assert (width, height) == size


def test_a_part_is_decoded_larger():
    # A quarter of each side: the part alone needs as much as the whole would.
    assert drafted((4000, 3000), (224, 224), Crop(0, 0, 250, 250)) == (2000, 1500)


def full(picture, box=None):
    """Return what the network would get of all pixels."""
    return np.asarray(picture.crop(box).resize((224, 224), Image.Resampling.BILINEAR), np.int16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [LARGE, LARGE[::-1]])
def test_the_network_gets_nearly_the_same(kind, size):
    picture = scene(4, size)
    data = encoded(picture, kind, **({} if kind == "PNG" else {"quality": 95}))
    decoded = decoding.decode(data)
    assert (decoded.width, decoded.height) == size
    assert np.abs(decoded.array - full(picture)).mean() < 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_part_of_a_turned_picture_is_nearly_the_same(orientation):
    upright = scene(5, LARGE)
    lying = upright.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(lying, "JPEG", quality=95, exif=exif)
    decoded = decoding.decode(data, crop=Crop(500, 250, 250, 250))
    assert (decoded.width, decoded.height) == LARGE
    assert np.abs(decoded.array - full(upright, (1200, 400, 1800, 800))).mean() < 1.5


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_thumbnail_is_nearly_the_same(kind):
    picture = scene(6, LARGE)
    with Image.open(io.BytesIO(decoding.decode(encoded(picture, kind)).thumbnail)) as thumbnail:
        assert thumbnail.size == (320, 213)
        expected = picture.resize(thumbnail.size, Image.Resampling.LANCZOS)
        difference = np.asarray(thumbnail.convert("RGB"), np.int16) - np.asarray(expected)
    # WebP's own losses are in it.
    assert np.abs(difference).mean() < 3


def test_averages_of_blocks():
    stripes = np.zeros((40, 80, 3), np.uint8)
    stripes[:, ::2] = 200
    small = reduced(Image.fromarray(stripes), (20, 10))
    assert small.size == (20, 10)
    assert small.getcolors() == [(200, (100, 100, 100))]
    assert reduced(small, (20, 10)) is small
