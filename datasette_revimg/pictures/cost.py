"""How much memory a picture takes while it is decoded, from its header alone.

The figures are peaks above the picture's own bytes, measured with Pillow 13 over flat pictures of
16 megapixels, with the RGB that is made of them; some decoders hold several copies.
"""

from __future__ import annotations

from PIL import ExifTags, Image

# Bytes a pixel in formats that are decoded row by row: Pillow's own copy, and RGB if it isn't RGB.
_BY_MODE = {"1": 5, "L": 5, "P": 5, "RGB": 4, "RGBX": 4, "YCbCr": 4}
_BY_MODE |= {"I;16": 6, "I;16B": 6, "I;16L": 6, "I;16N": 6}
_OTHER_MODES = 8

# WebP is decoded whole, into several copies.
_WEBP = 17

# Resampling holds weights for each row and column, Pillow a pointer to each row of each copy.
_PER_LINE = 40

# JPEGs are scaled down while they are decoded, to no less than what a page shows.
_DRAFT_SIDE = 1600


def decoded_bytes(image: Image.Image, scans: int = 1) -> int:
    """Return about how many bytes of memory decoding an opened picture takes.

    ``scans`` is how often a JPEG goes over its pixels.
    """
    width, height = image.size
    if image.format in ("JPEG", "MPO"):
        pixels = width * height / _draft_scale(image) ** 2 * _per_pixel(image)
        # The coefficients, two bytes each, are held until the last scan has been read.
        coefficients = 2 * width * height * len(image.getbands()) if scans > 1 else 0
        return int(pixels + coefficients) + _PER_LINE * (width + height)
    return width * height * _per_pixel(image) + _PER_LINE * (width + height)


def webp_bytes(data: bytes) -> int:
    """Return the same for the bytes of a WebP file, from its first chunk; 0 for anything else.

    Pillow takes much of it when it opens the file, and fails if that is too much. RFC 9649.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return 0
    kind = data[12:16]
    if kind == b"VP8L":
        word = int.from_bytes(data[21:25], "little")
        width, height = (word & 0x3FFF) + 1, (word >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    else:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height * _WEBP


def _per_pixel(image: Image.Image) -> int:
    bands = len(image.getbands())
    if image.format == "JPEG2000":
        return max(8, 6 * bands)
    if image.format == "WEBP":
        return _WEBP
    if image.format == "AVIF":
        return 9 if bands < 4 else 13
    if image.format == "HEIF":
        return 8 if bands < 4 else 10
    cost = _BY_MODE.get(image.mode, _OTHER_MODES)
    # A copy of four bytes a pixel, and the same turned.
    return max(cost, 8) if cost == 4 and _is_turned(image) else cost


def _is_turned(image: Image.Image) -> bool:
    """Return whether the EXIF turns or mirrors the picture, without decoding it."""
    if image.format == "PNG" and "exif" not in image.info:
        # Pillow would look for it behind the pixels, and decode them.
        return False
    try:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) != 1)
    except Exception:
        # Pillow raises nearly anything on damaged EXIF; then nothing is turned.
        return False


def _draft_scale(image: Image.Image) -> int:
    """Return by what a JPEG decoder scales down: 1, 2, 4 or 8."""
    scale = min(image.size) // _DRAFT_SIDE
    return next((each for each in (8, 4, 2) if scale >= each), 1)
