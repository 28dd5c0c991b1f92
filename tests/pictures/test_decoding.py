"""Every odd picture that people really have comes out right, or with a reason."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures import decoding, opening
from datasette_revimg.pictures.rgb import upright_rgb
from kit.pictures import encoded, oriented

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)


def halves(left: tuple[int, ...], right: tuple[int, ...], size=(64, 48), mode="RGB"):
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


def colour_at(array: np.ndarray, x: float, y: float) -> tuple[int, ...]:
    return tuple(int(v) for v in array[int(y * 223), int(x * 223)])


def close(colour: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("AVIF", {"quality": 100}),
        ("JPEG2000", {}),
        ("PPM", {}),
    ],
)
def test_formats(kind, options):
    if kind not in opening.formats():
        pytest.skip(f"this Pillow has no {kind}")
    picture = decoding.decode(encoded(halves(RED, BLUE), kind, **options))
    assert picture.array.shape == (224, 224, 3)
    assert picture.array.dtype == np.uint8
    assert (picture.width, picture.height, picture.format) == (64, 48, kind)
    assert close(colour_at(picture.array, 0.2, 0.5), RED, 6)
    assert close(colour_at(picture.array, 0.8, 0.5), BLUE, 6)


def test_heic():
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(halves(RED, BLUE)).save(buffer, quality=100)
    picture = decoding.decode(buffer.getvalue())
    assert picture.format == "HEIF"
    assert close(colour_at(picture.array, 0.8, 0.5), BLUE, 8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind, orientation):
    upright = Image.new("RGB", (640, 480), RED)
    upright.paste(GREEN, (320, 0, 640, 240))
    upright.paste(BLUE, (0, 240, 320, 480))
    upright.paste(WHITE, (320, 240, 640, 480))
    picture = decoding.decode(oriented(upright, orientation, kind))
    assert (picture.width, picture.height) == (640, 480)
    corners = [colour_at(picture.array, x, y) for y in (0.2, 0.8) for x in (0.2, 0.8)]
    for corner, expected in zip(corners, (RED, GREEN, BLUE, WHITE), strict=True):
        assert close(corner, expected, 8)
    with Image.open(io.BytesIO(picture.thumbnail)) as thumbnail:
        assert thumbnail.size == (320, 240)


def test_alpha_over_white():
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((255, 0, 0, 128), (20, 0, 40, 40))
    picture = decoding.decode(encoded(image, "PNG"))
    assert colour_at(picture.array, 0.2, 0.5) == WHITE
    # Half of red over white: red stays, green and blue are half of white's.
    assert close(colour_at(picture.array, 0.8, 0.5), (255, 127, 127))


def test_transparent_palette_over_white():
    image = halves(RED, BLUE).convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    index_of_red = image.getpixel((0, 0))
    picture = decoding.decode(encoded(image, "GIF", transparency=index_of_red))
    assert colour_at(picture.array, 0.2, 0.5) == WHITE
    assert close(colour_at(picture.array, 0.8, 0.5), BLUE)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_levels(kind):
    levels = np.zeros((32, 64), np.uint16)
    levels[:, 32:] = 0x8000
    picture = decoding.decode(encoded(Image.fromarray(levels), kind))
    assert colour_at(picture.array, 0.2, 0.5) == BLACK
    # 0x8000 / 257 = 127.5
    assert close(colour_at(picture.array, 0.8, 0.5), (128, 128, 128), 1)


def test_float_tiff_is_stretched():
    levels = np.full((32, 64), -1.5, np.float32)
    levels[:, 32:] = 2.5
    picture = decoding.decode(encoded(Image.fromarray(levels), "TIFF"))
    assert colour_at(picture.array, 0.2, 0.5) == BLACK
    assert colour_at(picture.array, 0.8, 0.5) == WHITE


def test_one_bit_and_grey():
    one_bit = halves((0,), (1,), mode="1")
    picture = decoding.decode(encoded(one_bit, "PNG"))
    assert colour_at(picture.array, 0.1, 0.5) == BLACK
    assert colour_at(picture.array, 0.9, 0.5) == WHITE
    grey = decoding.decode(encoded(Image.new("L", (9, 9), 77), "PNG"))
    assert colour_at(grey.array, 0.5, 0.5) == (77, 77, 77)


def test_cmyk_jpeg():
    # Full cyan ink absorbs red, full yellow ink absorbs blue.
    image = halves((255, 0, 0, 0), (0, 0, 255, 0), mode="CMYK")
    picture = decoding.decode(encoded(image, "JPEG", quality=95))
    assert close(colour_at(picture.array, 0.1, 0.5), (0, 255, 255), 8)
    assert close(colour_at(picture.array, 0.9, 0.5), (255, 255, 0), 8)


def test_lab_tiff():
    # L* = 100 is 255 in 8 bits, a* = b* = 0 is 128: white; L* = 0: black.
    image = halves((0, 128, 128), (255, 128, 128), mode="LAB")
    picture = decoding.decode(encoded(image, "TIFF"))
    assert close(colour_at(picture.array, 0.1, 0.5), BLACK)
    assert close(colour_at(picture.array, 0.9, 0.5), WHITE)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (30, 30), colour) for colour in (GREEN, RED, BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert close(colour_at(decoding.decode(data).array, 0.5, 0.5), GREEN)


def test_aspect_is_ignored_and_resize_antialiased():
    # One pixel wide stripes: without antialiasing they'd alias to black or white.
    stripes = np.zeros((100, 2000, 3), np.uint8)
    stripes[:, ::2] = 255
    array = decoding.decode(encoded(Image.fromarray(stripes), "PNG")).array
    assert array.shape == (224, 224, 3)
    assert 100 < array.min() <= array.max() < 155


def test_draft_decoding_stays_close_to_the_full_one():
    rng = np.random.default_rng(1)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    data = encoded(smooth.resize((3200, 2400), Image.Resampling.BICUBIC), "JPEG", quality=90)
    with Image.open(io.BytesIO(data)) as image:
        full = np.asarray(
            image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), np.int16
        )
    difference = np.abs(decoding.decode(data).array - full)
    assert difference.mean() < 1
    assert decoding.decode(data).width == 3200


def test_thumbnail_is_small_webp_without_metadata():
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    data = encoded(halves(RED, BLUE, (1000, 400)), "JPEG", exif=exif)
    with Image.open(io.BytesIO(decoding.decode(data).thumbnail)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (320, 128))
        assert not thumbnail.getexif()
    small = decoding.decode(encoded(Image.new("RGB", (30, 20)), "PNG"))
    with Image.open(io.BytesIO(small.thumbnail)) as thumbnail:
        assert thumbnail.size == (30, 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes(size):
    picture = decoding.decode(encoded(Image.new("RGB", size, RED), "PNG"))
    assert (picture.width, picture.height) == size
    assert colour_at(picture.array, 0.5, 0.5) == RED


def test_when_it_was_taken():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2017:06:05 13:30:00"
    assert decoding.decode(encoded(halves(RED, BLUE), "JPEG", exif=exif)).taken == (
        "2017-06-05T13:30:00"
    )
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    assert decoding.decode(encoded(halves(RED, BLUE), "JPEG", exif=exif)).taken is None


@pytest.mark.parametrize("mode", ["I;16", "F", "RGBA", "P"])
def test_large_pictures_are_converted_in_parts(mode):
    """As a whole, but with little memory: no seam, and one range of levels for all."""
    random = np.random.default_rng(1)
    images = {
        "I;16": Image.fromarray(random.integers(0, 65536, (90, 70), np.uint16)),
        "F": Image.fromarray(random.normal(size=(90, 70)).astype(np.float32)),
        "RGBA": Image.fromarray(random.integers(0, 256, (90, 70, 4), np.uint8)),
        "P": Image.fromarray(random.integers(0, 256, (90, 70), np.uint8)).quantize(9),
    }
    whole, parts = (upright_rgb(images[mode].copy(), rows * 70) for rows in (90, 7))
    assert whole.mode == "RGB"
    assert len(np.unique(whole)) > 8
    assert (np.asarray(parts) == np.asarray(whole)).all()


def test_memory_of_a_small_file_that_is_a_large_picture(tmp_path):
    """25 megapixels: 4 bytes each as Pillow has them, the RGB, and what works on a part."""
    file = tmp_path / "deep.png"
    Image.fromarray(np.zeros((5000, 5000), np.uint16)).save(file)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from datasette_revimg.pictures import decoding\n"
        "data = Path(sys.argv[1]).read_bytes()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "decoding.decode(data)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    if sys.platform != "linux":
        pytest.skip("memory is counted otherwise")
    child = subprocess.run([sys.executable, "-c", code, file], capture_output=True, check=True)
    assert int(child.stdout) < 300_000
