"""Small files whose pictures are large: those that only say so, and those that are."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from kit.pictures import encoded


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


def flat_jp2(side: int) -> bytes:
    """Return a square JPEG 2000 of one colour, some kilobytes that take seconds to decode."""
    image = Image.new("RGB", (side, side), (10, 120, 200))
    return encoded(image, "JPEG2000", quality_mode="rates", quality_layers=[2000])
