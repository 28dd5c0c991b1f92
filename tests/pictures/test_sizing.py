"""The size of a picture whose aspect is kept."""

import pytest
from PIL import Image

from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.sizing import fitted
from kit.pictures import encoded

SIDES = [1, 3, 40, 224, 999, 1000, 1333, 1500, 4032, 20000]


@pytest.mark.parametrize("width", SIDES)
@pytest.mark.parametrize("height", SIDES)
def test_every_size_is_bounded(width, height):
    fitted_height, fitted_width = fitted(width, height)
    assert fitted(height, width) == (fitted_width, fitted_height)
    for side in (fitted_height, fitted_width):
        assert 96 <= side <= 320
        assert side % 32 == 0
    # A picture of VGG16's own size, and half as much again.
    assert fitted_height * fitted_width <= 1.5 * 224 * 224
    if 1 / 3 <= width / height <= 3:
        assert fitted_width / fitted_height == pytest.approx(width / height, rel=0.13)


def test_few_shapes():
    sides = range(50, 1000, 7)
    shapes = {fitted(width, height) for width in sides for height in sides}
    assert len(shapes) == 15


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((4032, 3024), (224, 320)),
        ((3000, 2000), (224, 320)),
        ((2000, 3000), (320, 224)),
        ((1920, 1080), (192, 320)),
        ((700, 700), (256, 256)),
        ((5000, 100), (96, 320)),
    ],
)
def test_usual_pictures(size, shape):
    assert fitted(*size) == shape


def test_decoded_with_the_aspect_kept():
    """A disc stays one: as high as it is wide."""
    picture = Image.new("RGB", (640, 448))
    picture.paste("white", (220, 124, 420, 324))
    array = decoding.decode(encoded(picture), None).array
    assert array.shape == (224, 320, 3)
    light = array[..., 0] > 127
    assert light.any(axis=1).sum() == light.any(axis=0).sum() == 100
