"""Pictures with transparency lie on white, or on black if they are light: against numpy."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Network
from datasette_revimg.pictures.decoding import decode, draw_rendition
from datasette_revimg.pictures.region import Crop
from datasette_revimg.pictures.rgb import upright_rgb
from kit.pictures import encoded

HEIGHT, WIDTH = 24, 36
ALPHA = np.round(np.linspace(30, 255, WIDTH))[np.newaxis].repeat(HEIGHT, 0).astype(np.uint8)
ALPHA[:4] = 0


def grey_levels(low: int, high: int) -> np.ndarray:
    return np.round(np.linspace(low, high, HEIGHT))[:, np.newaxis].repeat(WIDTH, 1).astype(np.uint8)


def laid_over(colours: np.ndarray, alpha: np.ndarray, behind: int) -> np.ndarray:
    """A. R. Smith, "Image Compositing Fundamentals", 1995: C = αF + (1 − α)B."""
    share = alpha[..., np.newaxis] / 255
    return share * colours + (1 - share) * behind


def as_rgba(grey: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([grey, grey, grey, alpha]))


def as_la(grey: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([grey, alpha]), "LA")


def shown(data: bytes, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    return decode(data, size).array.astype(np.float64)


def centre(data: bytes) -> np.ndarray:
    """The colours of a WebP around its middle row, at its left edge."""
    with Image.open(io.BytesIO(data)) as image:
        array = np.asarray(image.convert("RGB")).astype(np.float64)
    return array[len(array) // 2, 2]


@pytest.mark.parametrize(
    ("mode", "kind", "off", "options"),
    [
        (as_rgba, "PNG", 1.5, {}),
        (as_la, "PNG", 1.5, {}),
        (as_rgba, "TIFF", 1.5, {}),
        (as_la, "TIFF", 1.5, {}),
        (as_rgba, "WEBP", 1.5, {"lossless": True, "exact": True}),
        (as_rgba, "AVIF", 12, {"quality": 95}),
    ],
)
@pytest.mark.parametrize(("low", "high", "behind"), [(0, 90, 255), (90, 190, 255), (200, 255, 0)])
def test_formats_with_alpha(mode, kind, off, options, low, high, behind):
    grey = grey_levels(low, high)
    data = encoded(mode(grey, ALPHA), kind, **options)
    expected = laid_over(np.dstack([grey] * 3), ALPHA, behind)
    assert np.quantile(np.abs(shown(data) - expected), 0.99) <= off


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize(("colour", "behind"), [((20, 40, 90), 255), ((250, 250, 200), 0)])
def test_palettes_with_a_transparent_colour(kind, colour, behind):
    image = Image.new("P", (WIDTH, HEIGHT), 1)
    image.putpalette([128, 128, 128, *colour])
    image.paste(0, (0, 0, WIDTH // 2, HEIGHT))
    expected = np.zeros((HEIGHT, WIDTH, 3))
    expected[:, : WIDTH // 2] = behind
    expected[:, WIDTH // 2 :] = colour
    assert np.abs(shown(encoded(image, kind, transparency=0)) - expected).max() <= 1


@pytest.mark.parametrize(("level", "behind"), [(191, 255), (192, 0)])
def test_black_begins_above_three_quarters(level, behind):
    """Three quarters of 255 are 191.25."""
    alpha = np.where(np.arange(WIDTH) < WIDTH // 2, 0, 255)[np.newaxis].repeat(HEIGHT, 0)
    data = encoded(as_rgba(np.full((HEIGHT, WIDTH), level, np.uint8), alpha.astype(np.uint8)))
    assert (shown(data)[:, 0] == behind).all()
    assert (shown(data)[:, -1] == level).all()


@pytest.mark.parametrize(
    ("colour", "behind"), [((255, 255, 0), 0), ((0, 255, 255), 255), ((255, 0, 255), 255)]
)
def test_light_is_a_matter_of_luma(colour, behind):
    """BT.601: yellow is 226 of 255, cyan 179, magenta 105."""
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.paste((*colour, 255), (5, 0, 10, 10))
    assert (shown(encoded(image), (10, 10))[:, 0] == behind).all()


@pytest.mark.parametrize(("faint", "behind"), [(20, 255), (250, 0)])
def test_pixels_count_as_much_as_they_are_visible(faint, behind):
    """Ten white columns, faint or not, and a black one that is opaque."""
    grey = np.full((10, 20), 255, np.uint8)
    grey[:, 10] = 0
    alpha = np.full((10, 20), faint, np.uint8)
    alpha[:, 10], alpha[:, 11:] = 255, 0
    mean = (10 * faint * 255) / (10 * faint + 255)
    assert (mean > 0.75 * 255) == (behind == 0)
    assert (shown(encoded(as_rgba(grey, alpha)), (10, 20))[:, -1] == behind).all()


def test_nothing_visible_is_white():
    hidden = Image.new("RGBA", (9, 9), (200, 10, 10, 0))
    assert (shown(encoded(hidden)) == 255).all()


@pytest.mark.parametrize("level", [10, 250])
def test_opaque_pixels_stay_as_they_are(level):
    rng = np.random.default_rng(1)
    colours = rng.integers(max(0, level - 40), min(256, level + 40), (HEIGHT, WIDTH, 3), np.uint8)
    alone = shown(encoded(Image.fromarray(colours)))
    full = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    assert (shown(encoded(Image.fromarray(np.dstack([colours, full])))) == alone).all()
    half = full.copy()
    half[:, : WIDTH // 2] = 0
    partly = shown(encoded(Image.fromarray(np.dstack([colours, half]))))
    assert (partly[:, WIDTH // 2 :] == alone[:, WIDTH // 2 :]).all()


@pytest.mark.parametrize("band", [1, 50, 500, 10**6])
def test_parts_of_any_size_have_one_background(band):
    """Dark above and light below: by itself, either part would get another one."""
    image = as_rgba(grey_levels(60, 255), ALPHA)
    expected = laid_over(np.dstack([grey_levels(60, 255)] * 3), ALPHA, 255)
    assert np.abs(np.asarray(upright_rgb(image, band)) - expected).max() <= 1.5


@pytest.mark.parametrize(("level", "behind"), [(40, 255), (245, 0)])
def test_thumbnails_and_renditions_and_crops_have_the_same(level, behind):
    """The crop alone is dark here, in a light picture, or the other way round."""
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    image.paste((level, level, level, 255), (100, 0, 400, 400))
    other = 255 - level
    image.paste((other, other, other, 255), (60, 190, 100, 210))
    data = encoded(image)
    crop = decode(data, (40, 40), Crop(0, 450, 250, 100)).array
    assert np.abs(crop[20, 2] - np.float64(behind)).max() <= 2
    assert np.abs(crop[20, 38] - np.float64(other)).max() <= 2
    for drawn in (decode(data).thumbnail, draw_rendition(data, 300)):
        assert np.abs(centre(drawn) - behind).max() <= 4


def shape(kind: str) -> bytes:
    """A white shape on transparency, as a logo."""
    rows, columns = np.mgrid[:200, :200] - 100
    inside = {
        "disc": rows**2 + columns**2 < 80**2,
        "bars": (columns // 15) % 2 == 0,
        "corner": (rows > 20) & (columns > -60),
    }[kind]
    return encoded(
        as_rgba(np.full((200, 200), 255, np.uint8), np.where(inside, 255, 0).astype(np.uint8))
    )


def test_white_shapes_are_no_twins():
    """On white they would all be one blank picture, with cosine 1."""
    assert VGG16_RMAC.file
    pictures = np.stack([decode(shape(kind)).array for kind in ("disc", "bars", "corner")])
    vectors = Network(VGG16_RMAC.file, "cpu", 1).embed(pictures).astype(np.float64)
    cosines = (vectors @ vectors.T)[np.triu_indices(3, 1)]
    assert (cosines < 0.95).all(), cosines
