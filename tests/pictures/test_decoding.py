"""Every odd picture that people really have comes out right, or with a reason."""

import contextlib
import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.decoding import ImageError

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(left: tuple[int, ...], right: tuple[int, ...], size=(64, 48), mode="RGB"):
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


def colour_at(array: np.ndarray, x: float, y: float) -> tuple[int, ...]:
    return tuple(int(v) for v in array[int(y * 223), int(x * 223)])


def close(found: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))


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
    if kind not in decoding.formats():
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


def test_heic_without_the_package_names_it(monkeypatch):
    monkeypatch.setattr(decoding, "formats", lambda: ("JPEG", "PNG"))
    with pytest.raises(ImageError, match="pillow-heif"):
        decoding.decode(b"\0\0\0\x18ftypheic" + bytes(100))


# EXIF's eight orientations, as the transposition that brings the stored pixels upright.
ORIENTATIONS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
UNDO = {
    Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_orientation(kind, orientation):
    upright = Image.new("RGB", (640, 480), RED)
    upright.paste(GREEN, (320, 0, 640, 240))
    upright.paste(BLUE, (0, 240, 320, 480))
    upright.paste(WHITE, (320, 240, 640, 480))
    how = ORIENTATIONS[orientation]
    stored = upright if how is None else upright.transpose(UNDO.get(how, how))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decoding.decode(encoded(stored, kind, exif=exif))
    assert (picture.width, picture.height) == (640, 480)
    corners = [colour_at(picture.array, x, y) for y in (0.2, 0.8) for x in (0.2, 0.8)]
    for found, expected in zip(corners, (RED, GREEN, BLUE, WHITE), strict=True):
        assert close(found, expected, 8)
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


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(30_000, 30_000), (20_000, 9_000), (2**31 - 1, 1)])
def test_decompression_bombs_are_refused(size):
    with pytest.raises(ImageError, match=r"too large.*megapixels"):
        decoding.decode(png_header(*size))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (b"%PDF-1.7 not a picture", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (encoded(halves(RED, BLUE), "PNG")[:60], "damaged"),
        (encoded(Image.effect_noise((300, 300), 80), "JPEG")[:4000], "damaged.*truncated"),
        (b"\xff\xd8\xff\xe0" + bytes(200), "not a picture|damaged"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(300), "not a picture|damaged"),
    ],
)
def test_bad_pictures_get_a_reason(data, reason):
    with pytest.raises(ImageError, match=reason) as raised:
        decoding.decode(data)
    assert "<_io" not in str(raised.value)


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def progressive(scans: int) -> bytes:
    """A grey JPEG of 64 × 64 that goes over its 64 blocks so often, in few bytes a time."""
    table = bytes([1, *[0] * 15])
    start = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    start += segment(0xC2, struct.pack(">BHHB", 8, 64, 64, 1) + b"\1\x11\0")
    start += segment(0xC4, b"\0" + table + b"\0") + segment(0xC4, b"\x10" + table + b"\x50")
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(8)
    # One code: a run of 63 blocks that end here, and the last of them.
    again = segment(0xDA, b"\1\1\0\1\x3f\0") + bytes(2)
    return start + first + again * (scans - 1) + b"\xff\xd9"


def test_jpeg_of_too_many_scans():
    assert decoding.decode(progressive(decoding.MAX_SCANS)).width == 64
    with pytest.raises(decoding.TooLargeError, match="100 scans"):
        decoding.decode(progressive(decoding.MAX_SCANS + 1))
    with pytest.raises(decoding.TooLargeError):
        decoding.rendition(progressive(1000), 100)


def test_what_looks_like_scans_is_none():
    """In a segment, behind the picture as phones put films there, and between pictures."""
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(
        buffer, "JPEG", progressive=True, comment=b"\xff\xda" * 999
    )
    assert decoding.decode(buffer.getvalue() + b"\xff\xda\0\2" * 999).width == 200


@pytest.mark.parametrize("mode", ["I;16", "F", "RGBA", "P"])
def test_large_pictures_are_converted_in_parts(mode, monkeypatch):
    """As a whole, but with little memory: no seam, and one range of levels for all."""
    random = np.random.default_rng(1)
    arrays = {
        "I;16": random.integers(0, 65536, (90, 70), np.uint16),
        "F": random.normal(size=(90, 70)).astype(np.float32),
        "RGBA": random.integers(0, 256, (90, 70, 4), np.uint8),
    }
    image = Image.fromarray(arrays[mode]) if mode in arrays else Image.effect_noise((70, 90), 99)
    buffer = io.BytesIO()
    (image.quantize(9) if mode == "P" else image).save(buffer, "TIFF" if mode == "F" else "PNG")
    whole = decoding.decode(buffer.getvalue(), (90, 70))
    monkeypatch.setattr(decoding, "_BAND", 7 * 70)
    parts = decoding.decode(buffer.getvalue(), (90, 70))
    assert (parts.array == whole.array).all()
    assert parts.thumbnail == whole.thumbnail


def test_memory_of_a_small_file_that_is_a_large_picture(tmp_path):
    """25 megapixels: 4 bytes each as Pillow has them, the RGB, and what works on a part."""
    file = tmp_path / "deep.png"
    Image.fromarray(np.zeros((5000, 5000), np.uint16)).save(file)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from datasette_revimg.pictures import decoding as images\n"
        "data = Path(sys.argv[1]).read_bytes()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "images.decode(data)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    if sys.platform != "linux":
        pytest.skip("memory is counted otherwise")
    told = subprocess.run([sys.executable, "-c", code, file], capture_output=True, check=True)
    assert int(told.stdout) < 300_000


def test_garbage_of_every_kind_only_ever_raises_image_error():
    rng = np.random.default_rng(7)
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "PPM"):
        good = np.frombuffer(encoded(Image.effect_noise((60, 50), 60), kind), np.uint8)
        for _ in range(40):
            bad = good.copy()
            places = rng.integers(0, len(bad), 8)
            bad[places] = rng.integers(0, 256, 8)
            # Anything but ImageError would end a run; a picture that still decodes is fine.
            with contextlib.suppress(ImageError):
                assert decoding.decode(bad.tobytes()).array.shape == (224, 224, 3)


def test_is_picture_reads_the_header_only():
    assert decoding.is_picture(encoded(halves(RED, BLUE), "JPEG"))
    assert not decoding.is_picture(b"BMXX some other bytes that begin like a bitmap")
    assert not decoding.is_picture(b"")
