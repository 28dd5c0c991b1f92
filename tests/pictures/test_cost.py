"""Pictures that take too much memory are refused before a pixel of them is decoded."""

from __future__ import annotations

import time

import pytest
from PIL import Image

from datasette_revimg.pictures.cost import decoded_bytes
from datasette_revimg.pictures.decoding import decode, draw_rendition
from datasette_revimg.pictures.isolated import IsolatedDecoder, Limits
from datasette_revimg.pictures.opening import (
    MAX_UPLOAD_MEMORY,
    TooCostlyError,
    TooLargeError,
    open_picture,
)
from kit.bombs import jp2, png, webp
from kit.pictures import encoded

SIZE = (224, 224)


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


@pytest.mark.parametrize("data", [png(7500, 7500, "RGBA"), webp(5500, 5000), jp2(5000, 5000)])
def test_less_can_be_allowed(data):
    """What a visitor sends may take less memory than a picture of one's own."""
    assert open_picture(data).width >= 5000
    decoder = IsolatedDecoder()
    try:
        for allowed in (
            lambda: decode(data, SIZE, max_bytes=MAX_UPLOAD_MEMORY),
            lambda: decoder.decode(data, SIZE, max_bytes=MAX_UPLOAD_MEMORY),
        ):
            with pytest.raises(TooCostlyError, match="at most 400 MB are allowed"):
                allowed()
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
