"""Every mode in every format that can hold it, upright, against conversions in numpy.

The pictures are made here, from arrays whose colours are known; what they must look like is
computed from the same arrays by textbook formulas, not by Pillow.
"""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from datasette_revimg.pictures.decoding import decode, draw_rendition
from datasette_revimg.pictures.jpeg2000 import find_exif
from datasette_revimg.pictures.opening import ImageError, formats

HEIGHT, WIDTH = 32, 48
SIZE = (HEIGHT, WIDTH)


def ramp(low: float = 0.0, high: float = 1.0, *, down: bool = False) -> np.ndarray:
    """Values from ``low`` to ``high``, across or down, float64 (HEIGHT, WIDTH)."""
    count = HEIGHT if down else WIDTH
    line = np.linspace(low, high, count)
    return np.tile(line[:, np.newaxis] if down else line, (1, WIDTH) if down else (HEIGHT, 1))


# Smooth, so that lossy formats come close, and not symmetric in any way.
RED, GREEN, BLUE = ramp(0.1, 0.9), ramp(0.2, 0.7, down=True), ramp(0.8, 0.3)
RGB = np.round(255 * np.stack([RED, GREEN, BLUE], axis=-1)).astype(np.uint8)
GREY = np.round(255 * ramp(0.05, 0.95)).astype(np.uint8)
ALPHA = np.round(255 * ramp(0.3, 1.0, down=True)).astype(np.uint8)


def grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[..., np.newaxis].astype(np.float64), 3, axis=2)


def over_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """A. R. Smith, "Image Compositing Fundamentals", 1995: C = αF + (1 − α)B."""
    share = alpha[..., np.newaxis] / 255
    return share * colours + (1 - share) * 255


def palette_image() -> tuple[Image.Image, np.ndarray]:
    """Sixteen colours and each pixel's index."""
    colours = np.random.default_rng(5).integers(0, 256, (16, 3), dtype=np.uint8)
    index = (np.arange(HEIGHT)[:, np.newaxis] // 4 + np.arange(WIDTH) // 6).astype(np.uint8) % 16
    image = Image.fromarray(index, "P")
    image.putpalette(colours.tobytes())
    return image, colours[index].astype(np.float64)


def rgb_of_lab(lab: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D50) in 8 bits to sRGB, by way of XYZ: ICC.1:2010, IEC 61966-2-1, Bradford."""
    lightness = lab[..., 0] / 255 * 100
    a, b = (lab[..., i].astype(np.int8).astype(np.float64) for i in (1, 2))
    fy = (lightness + 16) / 116
    f = np.stack([fy + a / 500, fy, fy - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    xyz = xyz * [0.9642, 1.0, 0.8249]
    linear = xyz @ np.transpose(
        [
            [3.1338561, -1.6168667, -0.4906146],
            [-0.9787684, 1.9161415, 0.0334540],
            [0.0719453, -0.2289914, 1.4052427],
        ]
    )
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def rgb_of_ycbcr(ycbcr: np.ndarray) -> np.ndarray:
    """JFIF 1.02, from 8-bit Y, Cb, Cr."""
    y, cb, cr = (ycbcr[..., i].astype(np.float64) for i in range(3))
    cb, cr = cb - 128, cr - 128
    return np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)


def modes() -> dict[str, tuple[Image.Image, np.ndarray]]:
    """An image in every mode, and its colours, float64 (HEIGHT, WIDTH, 3) from 0 to 255."""
    stripes = ((np.arange(WIDTH) // 8 + np.arange(HEIGHT)[:, np.newaxis] // 8) % 2).astype(bool)
    deep = np.round(65535 * ramp(0.02, 0.97)).astype(np.uint16)
    cmyk = np.stack([*np.moveaxis(255 - RGB, -1, 0), GREY // 4], axis=-1)
    lab = np.stack(
        [GREY, (RGB[..., 0] // 4).astype(np.uint8), (RGB[..., 1] // 4).astype(np.uint8)], axis=-1
    )
    ycbcr = np.stack([GREY // 2 + 60, RGB[..., 2] // 4 + 96, RGB[..., 0] // 4 + 96], axis=-1)
    floats = ramp(-2.0, 6.0).astype(np.float32)
    integers = np.round(ramp(-70_000, 90_000)).astype(np.int32)
    share = (1 - cmyk[..., :3] / 255) * (1 - cmyk[..., 3:] / 255)
    premultiplied = np.round(RGB * (ALPHA[..., np.newaxis] / 255)).astype(np.uint8)
    palette, palette_rgb = palette_image()
    return {
        "1": (Image.fromarray(stripes), grey(255 * stripes)),
        "L": (Image.fromarray(GREY), grey(GREY)),
        "LA": (Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), over_white(grey(GREY), ALPHA)),
        "P": (palette, palette_rgb),
        "RGB": (Image.fromarray(RGB), RGB.astype(np.float64)),
        "RGBA": (Image.fromarray(np.dstack([RGB, ALPHA])), over_white(RGB, ALPHA)),
        "RGBa": (
            Image.fromarray(np.dstack([premultiplied, ALPHA]), "RGBa"),
            over_white(RGB, ALPHA),
        ),
        "RGBX": (Image.fromarray(np.dstack([RGB, ALPHA]), "RGBX"), RGB.astype(np.float64)),
        "CMYK": (Image.fromarray(cmyk, "CMYK"), 255 * share),
        "YCbCr": (Image.fromarray(ycbcr, "YCbCr"), np.clip(rgb_of_ycbcr(ycbcr), 0, 255)),
        "LAB": (Image.fromarray(lab, "LAB"), rgb_of_lab(lab)),
        "I;16": (Image.fromarray(deep), grey(deep / 257)),
        "I;16B": (Image.fromarray(deep.astype(">u2")), grey(deep / 257)),
        "I": (
            Image.fromarray(integers),
            grey(255 * (integers + 70_000.0) / 160_000),
        ),
        "F": (Image.fromarray(floats), grey(255 * (floats + 2.0) / 8)),
    }


MODES = modes()

# How many levels of 255 a pixel may be off: rounding, or what a lossy format does to soft colours.
LOSSLESS, LOSSY = 1.5, 12.0
# L*a*b* in 8 bits is coarser than sRGB.
COARSE = 3.5
FORMATS = {
    "PNG": ({}, LOSSLESS),
    "TIFF": ({}, LOSSLESS),
    "BMP": ({}, LOSSLESS),
    "PPM": ({}, LOSSLESS),
    "GIF": ({}, LOSSLESS),
    "WEBP": ({"lossless": True, "exact": True}, LOSSLESS),
    "JPEG": ({"quality": 95, "subsampling": 0}, LOSSY),
    "JPEG2000": ({}, LOSSY),
    "AVIF": ({"quality": 95}, LOSSY),
    "HEIF": ({"quality": 95}, LOSSY),
}

# Which modes a format holds as they are; Pillow writes no others, or changes them.
HELD = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B",
             "I", "F"],
    # A fourth byte means nothing there.
    "BMP": ["1", "L", "P", "RGB"],
    "PPM": ["1", "L", "RGB", "I;16"],
    "GIF": ["1", "L", "P"],
    "WEBP": ["L", "RGB", "RGBA"],
    "JPEG": ["L", "RGB", "CMYK"],
    "JPEG2000": ["L", "LA", "RGB", "RGBA", "I;16"],
    "AVIF": ["L", "RGB", "RGBA"],
    "HEIF": ["L", "RGB", "RGBA"],
}  # fmt: skip


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(data: bytes, expected: np.ndarray) -> float:
    """The largest difference of a channel from what it must be, but for one pixel in a hundred."""
    array = decode(data, expected.shape[:2]).array.astype(np.float64)
    assert array.shape == expected.shape
    return float(np.quantile(np.abs(array - expected), 0.99))


def need(kind: str) -> None:
    """Skip a test of a format whose decoder isn't installed here."""
    if kind not in formats():
        pytest.skip(f"there is no decoder of {kind} in this installation")


@pytest.mark.parametrize(("kind", "mode"), [(k, m) for k, held in HELD.items() for m in held])
def test_colours(kind, mode):
    need(kind)
    image, expected = MODES[mode]
    options, tolerance = FORMATS[kind]
    if mode == "LAB":
        tolerance = COARSE
    assert difference(encoded(image, kind, **options), expected) <= tolerance


# EXIF's orientations: how the upright array becomes the stored one (CIPA DC-008, 4.6.4).
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_upright(kind, orientation):
    need(kind)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](RGB)))
    options, tolerance = FORMATS[kind]
    data = encoded(stored, kind, exif=exif.tobytes(), **options)
    assert difference(data, RGB.astype(np.float64)) <= tolerance
    picture = decode(data)
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)


def box(kind: bytes, contents: bytes, *, long: bool = False) -> bytes:
    """A box of a JPEG 2000 file, ISO 15444-1, I.4, with a length of 4 or of 8 bytes."""
    size = len(contents) + 8
    if long:
        return struct.pack(">I4sQ", 1, kind, size + 8) + contents
    return struct.pack(">I4s", size, kind) + contents


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("long", [False, True])
def test_jpeg_2000_upright(orientation, long):
    """EXIF in a box of its own, before the pixels or after them."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](RGB)))
    data = encoded(stored, "JPEG2000")
    added = box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes().removeprefix(b"Exif\0\0"), long=long)
    pixels = data.index(b"jp2c") - 4
    # Of the box with the pixels, the length may be 0: up to the end of the file.
    (length,) = struct.unpack(">I", data[pixels : pixels + 4])
    whole = len(data) - pixels
    assert length in (0, whole)
    sized = data[:pixels] + struct.pack(">I", whole) + data[pixels + 4 :]
    for file in (data[:pixels] + added + data[pixels:], sized + added):
        assert difference(file, RGB.astype(np.float64)) <= LOSSY
        picture = decode(file)
        assert (picture.width, picture.height) == (WIDTH, HEIGHT)
        assert picture.taken == "2024-05-06T07:08:09"


@pytest.mark.parametrize(
    "added",
    [
        box(b"uuid", b"JpgTiffExif->JP2 that is no TIFF"),
        box(b"uuid", b"JpgTiffExif->JP2"),
        b"\0\0\1",
    ],
)
def test_damaged_boxes_cost_no_picture(added):
    data = encoded(MODES["RGB"][0], "JPEG2000")
    assert difference(data + added, MODES["RGB"][1]) <= LOSSY


@pytest.mark.parametrize(
    "start", [struct.pack(">I4s", 3, b"uuid"), struct.pack(">I4sQ", 1, b"uuid", 0)]
)
def test_a_box_shorter_than_its_own_header(start):
    assert find_exif(start + box(b"uuid", b"JpgTiffExif->JP2II*")) is None


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "tiff_lzw"},
        {"compression": "tiff_adobe_deflate"},
        {"compression": "packbits"},
        {"tiffinfo": {317: 2}, "compression": "tiff_lzw"},
    ],
)
def test_tiff_compressions(options):
    assert difference(encoded(MODES["RGB"][0], "TIFF", **options), RGB.astype(float)) <= LOSSLESS


def tiff(
    samples: np.ndarray,
    *,
    planar: bool = False,
    tile: int = 0,
    more: tuple[tuple[int, int, list[int]], ...] = (),
) -> bytes:
    """An uncompressed TIFF 6.0 of samples (HEIGHT, WIDTH, channels), uint8 or uint16.

    RGB, or grey where there are fewer than three channels; in little endian, by planes or pixel
    by pixel, in one strip (a plane) or in square tiles; with ``more`` fields: tag, type, values.
    """
    height, width, channels = samples.shape
    planes = [samples[..., i : i + 1] for i in range(channels)] if planar else [samples]
    chunks = []
    for plane in planes:
        if tile:
            for top in range(0, height, tile):
                for left in range(0, width, tile):
                    part = np.zeros((tile, tile, plane.shape[2]), samples.dtype)
                    cut = plane[top : top + tile, left : left + tile]
                    part[: cut.shape[0], : cut.shape[1]] = cut
                    chunks.append(part.tobytes())
        else:
            chunks.append(plane.tobytes())
    short, long = 3, 4
    bits = samples.dtype.itemsize * 8
    place = (322, 323, 324, 325) if tile else (None, None, 273, 279)
    fields = [
        (256, short, [width]),
        (257, short, [height]),
        (258, short, [bits] * channels),
        (259, short, [1]),
        (262, short, [2 if channels > 2 else 1]),
        (277, short, [channels]),
        (284, short, [2 if planar else 1]),
        *more,
    ]
    if tile:
        fields += [(322, short, [tile]), (323, short, [tile])]
    else:
        fields += [(278, short, [height])]
    fields += [(place[2], long, [0] * len(chunks)), (place[3], long, [len(c) for c in chunks])]
    fields.sort()
    start = 8 + 2 + 12 * len(fields) + 4
    extra = b""
    sizes = {short: "H", long: "I"}

    def packed(values: list[int], kind: int) -> bytes:
        return struct.pack(f"<{len(values)}{sizes[kind]}", *values)

    # Where the chunks begin is known once the long values are counted.
    spill = sum(len(packed(v, k)) for _, k, v in fields if len(packed(v, k)) > 4)
    offsets, at = [], start + spill
    for chunk in chunks:
        offsets.append(at)
        at += len(chunk)
    entries = b""
    for tag, kind, values in fields:
        if tag == place[2]:
            values = offsets
        data = packed(values, kind)
        if len(data) > 4:
            entries += struct.pack("<HHII", tag, kind, len(values), start + len(extra))
            extra += data
        else:
            entries += struct.pack("<HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
    header = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(fields))
    return header + entries + struct.pack("<I", 0) + extra + b"".join(chunks)


@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("planar", [False, True])
def test_tiff_by_planes_and_tiles(planar, tile):
    assert difference(tiff(RGB, planar=planar, tile=tile), RGB.astype(float)) <= LOSSLESS


@pytest.mark.parametrize("planar", [False, True])
def test_tiff_of_16_bits(planar):
    """By planes they are refused: Pillow makes coloured noise of them (November 2026)."""
    data = tiff(RGB.astype(np.uint16) * 257, planar=planar)
    if planar:
        with pytest.raises(ImageError, match="16-bit TIFF by planes"):
            decode(data)
    else:
        assert difference(data, RGB.astype(float)) <= LOSSLESS


def test_grey_multiplied_by_its_alpha():
    """TIFF 6.0, ExtraSamples 1: associated alpha."""
    premultiplied = np.round(GREY * (ALPHA / 255)).astype(np.uint8)
    data = tiff(np.dstack([premultiplied, ALPHA]), more=((338, 3, [1]),))
    # Little is left of eight bits where the alpha is low.
    assert difference(data, over_white(grey(GREY), ALPHA)) <= 2 * LOSSLESS


def test_levels_below_zero_are_refused():
    """Pillow takes numbers of 8 bits below zero for the lightest levels."""
    data = tiff(GREY[..., np.newaxis], more=((339, 3, [2]),))
    with pytest.raises(ImageError, match="numbers below and above 0"):
        decode(data)


def test_a_kind_of_tiff_that_pillow_cannot_read():
    data = tiff(RGB).replace(struct.pack("<HHIH", 259, 3, 1, 1), struct.pack("<HHIH", 259, 3, 1, 6))
    with pytest.raises(ImageError, match="TIFF that can't be read") as caught:
        decode(data)
    understood(caught.value)


def test_sound_files_of_rare_kinds_are_not_called_damaged_alone():
    """A TIFF of 3 bits a sample, the beginning of a bare JPEG 2000 codestream, a BMP of 2 bits."""
    bits = struct.pack("<HHIH", 258, 3, 1, 8)
    three = tiff(GREY[..., np.newaxis]).replace(bits, struct.pack("<HHIH", 258, 3, 1, 3))
    assert bits not in three
    two = bytearray(encoded(MODES["P"][0], "BMP"))
    two[28] = 2
    start = b"\xff\x4f\xff\x51\0\x29"
    for data, name in ((three, "TIFF"), (start, "JPEG 2000"), (bytes(two), "BMP")):
        with pytest.raises(ImageError, match=f"damaged picture, or a kind of {name} that can't"):
            decode(data)


@pytest.mark.parametrize(("colour", "behind"), [([250, 20, 20], 255), ([250, 250, 20], 0)])
@pytest.mark.parametrize("transparent", [False, True])
def test_a_gif_whose_first_frame_fills_a_part(transparent, colour, behind):
    """What it leaves free is white, or black around a light frame, no colour of the palette."""
    image = Image.new("P", (20, 10), 1)
    image.putpalette([10, 200, 30, *colour])
    options = {}
    if transparent:
        image.putpixel((0, 0), 0)
        options = {"transparency": 0}
    data = bytearray(encoded(image, "GIF", **options))
    # The logical screen (GIF89a, 18): wider and higher, the frame in its left upper corner.
    data[6:10] = struct.pack("<2H", 40, 20)
    place = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    assert struct.unpack("<4H", data[place + 1 : place + 9]) == (0, 0, 20, 10)
    data[place + 1 : place + 5] = struct.pack("<2H", 10, 5)
    expected = np.full((20, 40, 3), float(behind))
    expected[5:15, 10:30] = colour
    if transparent:
        expected[5, 10] = behind
    assert difference(bytes(data), expected) <= LOSSLESS


@pytest.mark.parametrize("profile", ["no hex at all", "\nexif\n       8\n4578696600zz\n"])
def test_exif_that_cannot_be_read_costs_no_picture(profile):
    image, expected = MODES["RGB"]
    details = PngInfo()
    details.add_text("Raw profile type exif", profile, zip=True)
    data = encoded(image, "PNG", pnginfo=details)
    assert difference(data, expected) <= LOSSLESS
    assert decode(data).taken is None
    assert draw_rendition(data, 100)
    with pytest.raises(ImageError, match="cut off"):
        decode(data[:-100])


def png(colour_type: int, bits: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 by 8 pixels, its rows with their filter bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 8, 8, bits, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunk(*each) for each in chunks)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("right", "behind"), [(140, 255), (230, 0)])
def test_a_transparent_colour_in_every_kind_of_png(right, behind):
    """Left half one level, which is declared transparent (PNG 1.2, tRNS); right half another."""
    left = 40
    expected = np.full((8, 8, 3), float(behind))
    expected[:, 4:] = right
    half = bytes([left]) * 4 + bytes([right]) * 4
    deep = struct.pack(">4H4H", *[left * 257] * 4, *[right * 257] * 4)
    colour = b"".join(bytes([level] * 3) for level in half)
    deep_colour = b"".join(struct.pack(">3H", *[level * 257] * 3) for level in half)
    indexed = b"\0" * 4 + b"\1" * 4
    palette = bytes([left] * 3 + [right] * 3)
    files = {
        "grey": png(0, 8, (b"\0" + half) * 8, (b"tRNS", struct.pack(">H", left))),
        "grey, 16 bits": png(0, 16, (b"\0" + deep) * 8, (b"tRNS", struct.pack(">H", left * 257))),
        "RGB": png(2, 8, (b"\0" + colour) * 8, (b"tRNS", struct.pack(">3H", *[left] * 3))),
        "RGB, 16 bits": png(
            2, 16, (b"\0" + deep_colour) * 8, (b"tRNS", struct.pack(">3H", *[left * 257] * 3))
        ),
        "palette": png(3, 8, (b"\0" + indexed) * 8, (b"PLTE", palette), (b"tRNS", b"\0\xff")),
    }
    wrong = {name: difference(data, expected) for name, data in files.items()}
    assert {name: off for name, off in wrong.items() if off > LOSSLESS} == {}


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("level", ["dark", "light"])
def test_a_transparent_grey_of_few_bits(bits, level):
    """Left half the one that is declared transparent, the darkest or the lightest; right another.

    Light pixels that are left lie on black (as everywhere in this package), dark ones on white.
    """
    most = 2**bits - 1
    left, right = (0, most) if level == "dark" else (most, 0)
    pixels = [left] * 4 + [right] * 4
    packed = int("".join(f"{each:0{bits}b}" for each in pixels), 2).to_bytes(bits, "big")
    data = png(0, bits, (b"\0" + packed) * 8, (b"tRNS", struct.pack(">H", left)))
    expected = np.full((8, 8, 3), 0.0 if level == "dark" else 255.0)
    expected[:, 4:] = 255.0 if level == "dark" else 0.0
    assert difference(data, expected) <= LOSSLESS


def test_an_animated_png_whose_frames_are_parts():
    """Its first frame is the picture; the others fill a part of it (PNG 3.0, fcTL)."""
    first, expected = MODES["RGB"]
    later = first.copy()
    later.paste((255, 0, 0), (4, 4, 12, 12))
    data = encoded(first, "PNG", save_all=True, append_images=[later])
    places = [data.index(b"fcTL"), data.rindex(b"fcTL")]
    sizes = [struct.unpack(">2I", data[place + 8 : place + 16]) for place in places]
    assert sizes == [(WIDTH, HEIGHT), (8, 8)]
    assert difference(data, expected) <= LOSSLESS


def test_an_animated_png_with_a_picture_for_those_who_cannot_animate():
    other = Image.new("RGB", (WIDTH, HEIGHT), (0, 0, 255))
    image, expected = MODES["RGB"]
    data = encoded(image, "PNG", save_all=True, append_images=[other, image], default_image=True)
    assert difference(data, expected) <= LOSSLESS


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (1, 1)])
@pytest.mark.parametrize("kind", FORMATS)
def test_thin_pictures(kind, size):
    need(kind)
    data = encoded(Image.new("RGB", size, (200, 30, 60)), kind)
    picture = decode(data)
    assert (picture.width, picture.height) == size
    assert np.abs(picture.array.astype(int) - [200, 30, 60]).max() <= (0 if kind == "PNG" else 8)


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_at_every_twentieth(kind):
    """What can be read of it is the whole picture, or nothing: never one that is half grey."""
    need(kind)
    options, tolerance = FORMATS[kind]
    image, expected = MODES["P" if kind == "GIF" else "RGB"]
    data = encoded(image, kind, **options)
    for part in range(20):
        try:
            off = difference(data[: len(data) * part // 20], expected)
        except ImageError as error:
            understood(error)
        else:
            assert off <= tolerance, part


def understood(error: ImageError) -> None:
    """A reason a person understands: words, and none of a library's."""
    reason = str(error)
    assert reason
    for jargon in ("decoder error", "Error", "bytes not processed", "tile cannot"):
        assert jargon not in reason, reason


def larger(kind: str, data: bytes) -> bytes:
    """Return a file whose header says that its picture is as large as can be written there."""
    side = {"GIF": 65_535, "JPEG": 65_535, "WEBP": 16_384}.get(kind, 90_000)
    if kind == "PPM":
        return data.replace(b"48 32", b"90000 90000")
    if kind == "TIFF":
        return b"".join(
            struct.pack("<HHIHH", tag, 3, 1, 65_000, 0) if tag else part
            for tag, part in tiff_entries(data)
        )
    if kind == "PNG":
        header = struct.pack(">II", side, side) + data[24:29]
        return data[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[33:]
    # Where each has its width and its height, the order being of no importance here.
    place, how = {
        "GIF": (6, "<2H"),
        "BMP": (18, "<2i"),
        "JPEG": (data.find(b"\xff\xc0") + 5, ">2H"),
        "WEBP": (data.find(b"VP8X") + 12, ""),
        "JPEG2000": (data.find(b"ihdr") + 4, ">2I"),
        "AVIF": (data.find(b"ispe") + 8, ">2I"),
        "HEIF": (data.find(b"ispe") + 8, ">2I"),
    }[kind]
    sizes = struct.pack(how, side, side) if how else 2 * (side - 1).to_bytes(3, "little")
    return data[:place] + sizes + data[place + len(sizes) :]


def tiff_entries(data: bytes) -> list[tuple[int, bytes]]:
    """Return the parts of a little-endian TIFF, with the tags of the fields of its size, or 0."""
    (start,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[start : start + 2])
    parts, place = [(0, data[: start + 2])], start + 2
    for _ in range(count):
        (tag,) = struct.unpack("<H", data[place : place + 2])
        parts.append((tag if tag in (256, 257) else 0, data[place : place + 12]))
        place += 12
    return [*parts, (0, data[place:])]


@pytest.mark.parametrize("kind", FORMATS)
def test_small_files_of_huge_pictures(kind):
    """Refused at once, for the size, or by a decoder that sees that it can't be."""
    need(kind)
    exif = Image.Exif()
    exif[0x0112] = 1
    # Where there is EXIF, a WebP's size has a header of its own.
    options = {"exif": exif} if kind == "WEBP" else {}
    image = MODES["P" if kind == "GIF" else "RGB"][0]
    data = encoded(image, kind, **options)
    bomb = larger(kind, data)
    assert bomb != data
    assert decode(data).width == WIDTH
    begun = time.process_time()
    with pytest.raises(ImageError, match=r"too large|damaged") as caught:
        decode(bomb)
    understood(caught.value)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("ending", [".jpg", ".txt", ""])
def test_what_it_is_called_does_not_matter(ending):
    # A name is never even seen: the content decides.
    assert decode(encoded(MODES["RGB"][0], "PNG")).format == "PNG"
