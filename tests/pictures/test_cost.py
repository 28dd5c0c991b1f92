"""Pictures that take too much memory are refused before a pixel of them is decoded."""

from __future__ import annotations

import io
import struct
import time
import zlib

import pytest
from PIL import Image

from datasette_revimg.pictures.cost import decoded_bytes
from datasette_revimg.pictures.decoding import decode, draw_rendition
from datasette_revimg.pictures.isolated import IsolatedDecoder, Limits
from datasette_revimg.pictures.opening import TooLargeError, open_picture

SIZE = (224, 224)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, mode: str) -> bytes:
    """Return a PNG whose header says that it is so large."""
    data = encoded(Image.new(mode, (8, 8)), "PNG")
    header = struct.pack(">II", width, height) + data[24:29]
    check = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return data[:16] + header + check + data[33:]


def webp(width: int, height: int) -> bytes:
    """Return a lossless WebP of one colour, whose few bytes are the same at any size."""
    data = bytearray(encoded(Image.new("RGBA", (8, 8), (9, 120, 200, 30)), "WEBP", lossless=True))
    place = data.index(b"VP8L") + 9
    (word,) = struct.unpack("<I", data[place : place + 4])
    word = word >> 28 << 28 | (height - 1) << 14 | (width - 1)
    data[place : place + 4] = struct.pack("<I", word)
    return bytes(data)


def jp2(width: int, height: int) -> bytes:
    """Return a JPEG 2000 whose header says that it is so large."""
    data = bytearray(encoded(Image.new("RGB", (64, 64)), "JPEG2000"))
    place = data.index(b"ihdr") + 4
    data[place : place + 8] = struct.pack(">II", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (webp(16383, 10800), "too large: this WebP needs 2.8 GB to decode"),
        (jp2(13300, 13300), "JPEG 2000 of 13300×13300 pixels needs 3.0 GB to decode"),
        (png(1, 178_000_000, "1"), "PNG of 1×178000000 pixels needs"),
        (png(178_000_000, 1, "1"), "PNG of 178000000×1 pixels needs"),
        (png(13300, 13300, "RGBA"), "PNG of 13300×13300 pixels needs 1.3 GB to decode"),
    ],
)
def test_bombs(data, words):
    begun = time.process_time()
    for use in (lambda: decode(data), lambda: draw_rendition(data, 100)):
        with pytest.raises(TooLargeError, match=words) as caught:
            use()
        assert str(caught.value).endswith("at most 600 MB are allowed")
    assert time.process_time() - begun < 1


def test_a_bomb_that_fails_when_it_is_opened_is_called_too_large():
    """Pillow takes memory for a WebP before its size is known: there is none in the worker."""
    decoder = IsolatedDecoder()
    try:
        with pytest.raises(TooLargeError, match="too large: this WebP"):
            decoder.decode(webp(16383, 10800), SIZE)
    finally:
        decoder.close()


@pytest.mark.parametrize("size", [(14204, 10652), (10652, 14204)])
def test_a_medium_format_camera_is_no_bomb(size):
    assert open_picture(png(*size, "RGB")).size == size


def test_coefficients_of_a_jpeg_of_many_scans():
    image = Image.new("RGB", (4000, 4000))
    one, many = (encoded(image, "JPEG", progressive=each) for each in (False, True))
    assert decoded_bytes(open_picture(one)) < 40e6
    assert decoded_bytes(open_picture(many), scans=10) > 2 * 3 * 4000**2


SIDE = 2500
CASES = {
    **{f"PNG {mode}": ("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    **{f"TIFF {m}": ("TIFF", m, {"compression": "tiff_lzw"}) for m in ("CMYK", "LAB", "I", "F")},
    "GIF": ("GIF", "P", {}),
    "WebP": ("WEBP", "RGB", {}),
    "WebP RGBA": ("WEBP", "RGBA", {"lossless": True}),
    "JPEG 2000 L": ("JPEG2000", "L", {}),
    "JPEG 2000": ("JPEG2000", "RGB", {}),
    "JPEG 2000 RGBA": ("JPEG2000", "RGBA", {}),
    "AVIF": ("AVIF", "RGB", {"speed": 10}),
    "AVIF RGBA": ("AVIF", "RGBA", {"speed": 10}),
    "JPEG": ("JPEG", "RGB", {}),
    "progressive JPEG": ("JPEG", "RGB", {"progressive": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_foreseen_is_enough(name):
    """In a process that gets as much, and 40 MB for converting a part at a time."""
    kind, mode, options = CASES[name]
    data = encoded(Image.new(mode, (SIDE, SIDE)), kind, **options)
    foreseen = decoded_bytes(open_picture(data), 10 if "progressive" in name else 1)
    decoder = IsolatedDecoder(Limits(memory_bytes=foreseen + (40 << 20)))
    try:
        assert decoder.decode(data, SIZE).width == SIDE
    finally:
        decoder.close()
