"""Hostile and damaged pictures are refused before they cost anything, each with a reason."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.pictures import decoding, opening
from datasette_revimg.pictures.opening import ImageError
from kit.pictures import encoded, mosaic


def test_heic_without_the_package_names_it(monkeypatch):
    monkeypatch.setattr(opening, "formats", lambda: ("JPEG", "PNG"))
    with pytest.raises(ImageError, match="pillow-heif"):
        decoding.decode(b"\0\0\0\x18ftypheic" + bytes(100))


def png_header(width: int, height: int) -> bytes:
    """Make a PNG that claims a size and holds next to nothing."""

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
        (mosaic(1)[:60], "damaged"),
        (
            encoded(Image.effect_noise((300, 300), 80), "JPEG")[:4000],
            "damaged.*the file is cut off",
        ),
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
    """Make a grey JPEG of 64 × 64 pixels with this number of scans, of a few bytes each."""
    table = bytes([1, *[0] * 15])
    start = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    start += segment(0xC2, struct.pack(">BHHB", 8, 64, 64, 1) + b"\1\x11\0")
    start += segment(0xC4, b"\0" + table + b"\0") + segment(0xC4, b"\x10" + table + b"\x50")
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(8)
    # One code: a run of 63 blocks that end here, and the last of them.
    again = segment(0xDA, b"\1\1\0\1\x3f\0") + bytes(2)
    return start + first + again * (scans - 1) + b"\xff\xd9"


def test_jpeg_of_too_many_scans():
    assert decoding.decode(progressive(opening.MAX_SCANS)).width == 64
    with pytest.raises(opening.TooLargeError, match="100 scans"):
        decoding.decode(progressive(opening.MAX_SCANS + 1))
    with pytest.raises(opening.TooLargeError):
        decoding.draw_rendition(progressive(1000), 100)


def test_what_looks_like_scans_is_none():
    """In a segment, behind the picture as phones put films there, and between pictures."""
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(
        buffer, "JPEG", progressive=True, comment=b"\xff\xda" * 999
    )
    assert decoding.decode(buffer.getvalue() + b"\xff\xda\0\2" * 999).width == 200


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
    assert opening.is_picture(mosaic(1, "JPEG"))
    assert not opening.is_picture(b"BMXX some other bytes that begin like a bitmap")
    assert not opening.is_picture(b"")
