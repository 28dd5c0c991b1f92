"""Bytes of a picture → a safe, upright RGB array for the network, and a thumbnail.

Everything here treats its input as hostile: only the formats in FORMATS are ever opened, a
picture's size is judged before a pixel of it is decoded, and whatever goes wrong inside a
decoder comes out as one ImageError with a reason a person can read.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from .region import SIDE as WHOLE
from .region import Crop

SIDE = 224
THUMBNAIL_SIDE = 320

# Twice Pillow's default, which is also where Pillow itself calls a picture a bomb: room for
# medium format cameras (150 megapixels). Pillow keeps 4 bytes a pixel, so with the RGB that is
# made of it, up to 1.4 GB; JPEGs are scaled down while they are decoded.
MAX_PIXELS = 178_956_970

# A JPEG may go over all its pixels as often as it likes, in scans of some bytes each.
# Progressive ones from cameras and programs have about ten.
MAX_SCANS = 100

# The next marker of a JPEG: no stuffed 0xFF, no restart, no fill byte.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_SOI, _SOS, _EOI = b"\xd8", b"\xda", b"\xd9"

# Pixels that are converted at a time, which takes up to 50 bytes each.
_BAND = 1 << 20

# Pillow's names. Left out on purpose: formats that run other programs (EPS), that hold
# documents (PDF) or that nobody keeps photographs in.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000", "PPM")

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

_LAB_TO_SRGB = ImageCms.ImageCmsTransform(
    ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")),
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
    "LAB",
    "RGB",
)

_WHITE = (255, 255, 255, 255)

# EXIF's orientations in which a picture lies on its side.
_TURNED = (5, 6, 7, 8)

# Where in its EXIF a camera says when the picture was taken, best first.
_TAKEN_TAGS = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)


class ImageError(ValueError):
    """The bytes can't be used as a picture; the message is the reason, without a full stop."""


class TooLargeError(ImageError):
    """The picture has more pixels than are decoded."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    ``array`` is uint8 (height, width, 3) RGB, as large as the network takes it; ``thumbnail``
    WebP, longest side at most 320; ``width`` and ``height`` are the original's, upright;
    ``taken`` is ISO 8601 local time.
    """

    array: np.ndarray
    thumbnail: bytes
    width: int
    height: int
    format: str
    taken: str | None


@cache
def formats() -> tuple[str, ...]:
    """The names of the formats that can be read here, HEIF only with pillow-heif installed."""
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
    except ImportError:
        pass
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@cache
def suffixes() -> frozenset[str]:
    """Lower-case file name endings, with the dot, of the formats that can be read here."""
    readable = formats()
    return frozenset(
        suffix for suffix, name in Image.registered_extensions().items() if name in readable
    )


def is_picture(data: bytes) -> bool:
    """Whether the header is that of a picture in a readable format; no pixel is decoded."""
    try:
        _open(data)
    except ImageError:
        return False
    return True


def decode(data: bytes, size: tuple[int, int] = (SIDE, SIDE), crop: Crop | None = None) -> Picture:
    """Decode a picture's bytes for a network that takes ``size``, (height, width) in pixels.

    With ``crop``, the array is of that part of the upright picture; all else is of the whole.
    Raises ImageError when they can't be trusted or understood.
    """
    image = _open(data)
    width, height = image.size
    kind = image.format or ""
    try:
        taken = _taken(image)
        image.draft("RGB", _draft_size(size, crop, image.getexif()))
        image.load()
        lying = image.size
        rgb = _upright_rgb(image)
        array = to_array(rgb.crop(crop.box(rgb.size)) if crop else rgb, size)
        if rgb.size != lying:
            width, height = height, width
        thumbnail = _webp(rgb, THUMBNAIL_SIDE, quality=80)
    except Exception as error:
        # Pillow's decoders raise nearly anything on damaged data, from struct.error to
        # MemoryError; all of it means the same to whoever owns the picture.
        raise ImageError(f"damaged picture: {_sentence(error)}") from error
    return Picture(
        array=array,
        thumbnail=thumbnail,
        width=width,
        height=height,
        # A JPEG with more pictures behind the first, as phones write them.
        format="JPEG" if kind == "MPO" else kind,
        taken=taken,
    )


def rendition(data: bytes, side: int) -> bytes:
    """The picture as WebP for a screen: upright RGB, longest side at most ``side`` pixels.

    Drawn anew from its pixels: whatever else is in the bytes doesn't come along. Raises
    ImageError as ``decode``.
    """
    image = _open(data)
    try:
        image.draft("RGB", (side, side))
        image.load()
        return _webp(_upright_rgb(image), side, quality=85)
    except Exception as error:
        raise ImageError(f"damaged picture: {_sentence(error)}") from error


def to_array(rgb: Image.Image, size: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """An RGB image squeezed to uint8 (height, width, 3), aspect ignored, antialiased bilinear."""
    height, width = size
    return np.asarray(rgb.resize((width, height), Image.Resampling.BILINEAR))


def _draft_size(size: tuple[int, int], crop: Crop | None, exif: Image.Exif) -> tuple[int, int]:
    """The least size to decode to: JPEG decoders can scale down by 2, 4 or 8 while decoding.

    Twice the network's side keeps the antialiased resize that follows within 0.2 of 255 of the
    full decoding. The longer side, both ways: the picture may have to be turned yet. Never less
    than twice SIDE: the thumbnail is made of it too. With a crop, as much for the part alone.
    """
    side = 2 * max(SIDE, *size)
    if crop is None:
        return side, side
    width, height = (-(-side * WHOLE // part) for part in (crop.width, crop.height))
    turned = exif.get(ExifTags.Base.Orientation) in _TURNED
    return (height, width) if turned else (width, height)


def _open(data: bytes) -> Image.Image:
    if not data:
        raise ImageError("empty: 0 bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=formats())
    except UnidentifiedImageError as error:
        raise ImageError(_unidentified(data)) from error
    except Image.DecompressionBombError as error:
        raise TooLargeError(f"too large: more than {MAX_PIXELS // 10**6} megapixels") from error
    except Exception as error:
        raise ImageError(f"damaged picture: {_sentence(error)}") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise TooLargeError(
            f"too large: {width}×{height} pixels, the limit is {MAX_PIXELS // 10**6} megapixels"
        )
    if image.format in ("JPEG", "MPO") and _has_too_many_scans(data):
        raise TooLargeError(f"too large: a JPEG of more than {MAX_SCANS} scans")
    return image


def _has_too_many_scans(jpeg: bytes) -> bool:
    """Whether the first picture in a JPEG file has more than MAX_SCANS scans (ITU-T T.81, B.1)."""
    scans, place = 0, 0
    while match := _MARKER.search(jpeg, place):
        marker, place = match[1], match.end()
        if marker == _EOI:
            return False
        if marker != _SOI:
            # What is in a segment is no marker.
            place += max(2, int.from_bytes(jpeg[place : place + 2], "big"))
        scans += marker == _SOS
        if scans > MAX_SCANS:
            return True
    return False


def _unidentified(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS and "HEIF" not in formats():
        return "a HEIC picture, which needs the package pillow-heif"
    return "not a picture in a format that can be read"


def _sentence(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _taken(image: Image.Image) -> str | None:
    details = image.getexif().get_ifd(ExifTags.IFD.Exif)
    for tag in _TAKEN_TAGS:
        try:
            return datetime.strptime(
                str(details[tag]).strip("\0 "), "%Y:%m:%d %H:%M:%S"
            ).isoformat()
        except (KeyError, ValueError):
            continue
    return None


def _upright_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB and turned as its EXIF says, with no more copies than that needs: the
    image itself may change."""
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    levels = _levels(image) if _is_deep(image) else (0.0, 255.0)
    rgb = Image.new("RGB", image.size)
    for top, band in _bands(image):
        rgb.paste(_to_rgb(band, levels), (0, top))
    return rgb


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The image in parts as wide as it is, from above, each with its place."""
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _to_rgb(image: Image.Image, levels: tuple[float, float]) -> Image.Image:
    if _is_deep(image):
        image = _to_8_bits(image, *levels)
    if image.mode == "LAB":
        return _LAB_TO_SRGB.apply(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    return image.convert("RGB")


def _levels(image: Image.Image) -> tuple[float, float]:
    """Black and white of grey levels of more than 8 bits.

    16-bit levels have 0 and 65535; floats, and integers beyond 16 bits, have no agreed white, so
    these are the least and the largest there are.
    """
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    low, high = math.inf, -math.inf
    for _, band in _bands(image):
        part = _finite(band)
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if image.mode == "I" and low >= 0 and high <= 65535:
        return 0.0, 65535.0
    return low, high


def _finite(image: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)


def _to_8_bits(image: Image.Image, low: float, high: float) -> Image.Image:
    """Grey levels between black and white to mode L, where Pillow itself would clip at 255."""
    scaled = (_finite(image) - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray(np.round(scaled).astype(np.uint8))


def _webp(rgb: Image.Image, side: int, quality: int) -> bytes:
    """The image as WebP, its longest side at most ``side``; the image itself is shrunk."""
    rgb.thumbnail((side, side), Image.Resampling.LANCZOS)
    rgb.info.clear()
    buffer = io.BytesIO()
    rgb.save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()
