"""Edits of pictures, and the second opinion on whether two pictures are one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from datasette_revimg.pictures.edits import EDITS, edited_arrays
from datasette_revimg.pictures.exif_count import count_exif
from datasette_revimg.pictures.opening import ImageError
from datasette_revimg.pictures.plain import is_plain
from datasette_revimg.pictures.same_pixels import same_pixels, small_grey
from kit.pictures import encoded
from kit.scenes import saved, scene


def edited(name, seed):
    return saved(EDITS[name](scene(seed), np.random.default_rng(seed)).convert("RGB"))


def small(data):
    image = Image.open(io.BytesIO(data))
    image.thumbnail((320, 320))
    return small_grey(encoded(image.convert("RGB"), "WEBP", quality=80))


# Drawn scenes are smooth: the text and the border have more details than the picture.
@pytest.mark.parametrize("name", sorted(EDITS.keys() - {"given a border", "written on"}))
def test_a_copy_is_recognised(name):
    recognised = [same_pixels(small(saved(scene(n))), small(edited(name, n))) for n in range(10)]
    assert sum(recognised) >= 8, recognised


def test_different_pictures_are_not():
    pictures = [small(saved(scene(seed))) for seed in range(14)]
    for place, first in enumerate(pictures):
        assert not any(same_pixels(first, other) for other in pictures[place + 1 :])


def test_blank_pictures_are_not_the_same():
    blank = small_grey(encoded(Image.new("RGB", (40, 30), "white"), "WEBP"))
    assert not same_pixels(blank, blank)
    assert small_grey(b"no picture") is None


def test_edits_are_what_they_are_called():
    data = saved(scene(3), "PNG")
    arrays = dict(zip(EDITS, edited_arrays(data, (224, 224), 0), strict=True))
    whole = edited_arrays(saved(scene(3).rotate(180), "PNG"), (224, 224), 0)
    assert arrays["mirrored"].shape == (224, 224, 3)
    assert (arrays["turned 180°"] == arrays["mirrored"][::-1]).mean() > 0.98
    turned_back = dict(zip(EDITS, whole, strict=True))["turned 180°"].astype(int)
    assert np.abs(arrays["mirrored"][:, ::-1].astype(int) - turned_back).mean() < 1
    # 90° clockwise: what was at the upper left is at the upper right.
    corner = arrays["mirrored"][:9, -9:].mean((0, 1))
    assert arrays["turned 90°"][:9, -9:].mean((0, 1)) == pytest.approx(corner, abs=12)
    grey = arrays["made grey"].astype(int)
    assert (grey[..., 0] == grey[..., 1]).all()
    assert arrays["brightened by 40 %"].mean() > 1.1 * grey.mean()
    assert (arrays["given a border"][0] == 255).all()
    detail = [
        np.abs(np.diff(arrays[n].astype(int), axis=1)).mean() for n in ("blurred", "mirrored")
    ]
    assert detail[0] < 0.9 * detail[1]


def test_edits_of_a_seed_are_always_the_same():
    data = saved(scene(3))
    first, again, other = (edited_arrays(data, (64, 64), seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    crop = list(EDITS).index("cropped to 50 %")
    assert not (first[crop] == other[crop]).all()


@pytest.mark.parametrize("data", [b"", b"no picture", saved(scene(1))[:700]])
def test_bad_pictures_have_no_edits(data):
    with pytest.raises(ImageError):
        edited_arrays(data, (64, 64), 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2)])
def test_tiny_pictures_have_edits(size):
    data = encoded(Image.new("RGB", size, "red"))
    assert np.stack(edited_arrays(data, (64, 64), 0)).shape == (len(EDITS), 64, 64, 3)


def noisy(level):
    levels = np.random.default_rng(0).normal(250, level, (60, 80, 3))
    return encoded(Image.fromarray(levels.clip(0, 255).astype(np.uint8)), "WEBP", quality=80)


def line_of_text():
    image = Image.new("L", (320, 240), 255)
    image.paste(0, (20, 100, 300, 108))
    return encoded(image.convert("RGB"), "WEBP")


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (encoded(Image.new("RGB", (40, 30), "white")), True),
        (encoded(Image.new("RGB", (40, 30), (90, 20, 160)), "WEBP"), True),
        (noisy(2), True),
        (b"no picture", True),
        (line_of_text(), False),
        (saved(scene(1), "WEBP"), False),
        # No thumbnail, so not decoded.
        (saved(scene(1)), True),
        (saved(scene(1, (1600, 1200)), "WEBP"), True),
    ],
)
def test_pictures_that_hold_too_little_to_tell(data, plain):
    assert is_plain(data) is plain


def test_fields_of_exif():
    exif = Image.Exif()
    assert count_exif(saved(scene(1), exif=exif)) == 0
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Model] = "Model"
    assert count_exif(saved(scene(1), exif=exif)) == 2
    assert count_exif(b"no picture") == 0
