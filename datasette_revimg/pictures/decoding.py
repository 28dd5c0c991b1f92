"""Decode a picture: bytes become a safe, upright RGB array for a network, and a thumbnail."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from . import raw
from .loading import load_pixels, read_exif, read_taken
from .opening import MAX_BYTES, failure, open_picture
from .region import Crop
from .rgb import upright_rgb
from .scaling import THUMBNAIL_SIDE, least_size, reduced
from .sizing import Size, fitted

# Pixels of a side of what VGG16's dense layers take.
SIDE = 224

# EXIF's orientations in which a picture lies on its side.
_TURNED = (5, 6, 7, 8)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    ``array`` is uint8 (height, width, 3) RGB, as large as the network takes it, or larger by a
    whole factor; ``thumbnail`` WebP, longest side at most THUMBNAIL_SIDE; ``width`` and ``height``
    are the original's, upright; ``format`` is Pillow's name of its format, or RAW, of
    which all else is the preview's; ``taken`` is ISO 8601 local time.
    """

    array: np.ndarray
    thumbnail: bytes
    width: int
    height: int
    format: str
    taken: str | None


def decode(
    data: bytes,
    size: Size = (SIDE, SIDE),
    crop: Crop | None = None,
    max_bytes: int = MAX_BYTES,
    scale: int = 1,
) -> Picture:
    """Decode a picture's bytes for a network that takes ``size``, (height, width) in pixels.

    For a network that takes any size, ``size`` is None (see ``sizing``). With ``crop``, the array
    is of that part of the upright picture; all else is of the whole. The array is ``scale`` times
    as high and wide as the network takes it.
    Raises TooCostlyError when that would take more than ``max_bytes`` of memory, and ImageError
    when the bytes can't be trusted or understood.
    """
    image = open_picture(data, max_bytes)
    width, height = image.size
    kind = image.format or ""
    try:
        # Only JPEGs have drafts. Reading a PNG's EXIF would decode it, and hide its errors.
        if kind in ("JPEG", "MPO"):
            image.draft("RGB", _draft_size(image.size, size, crop, read_exif(image), scale))
        image = load_pixels(image)
        taken = read_taken(image)
        lying = image.size
        rgb = upright_rgb(image)
        # Where a copy was made, it is large.
        del image
        if rgb.size != lying:
            width, height = height, width
        rgb = reduced(rgb, least_size(rgb.size, size, crop, scale))
        array = to_array(rgb.crop(crop.box(rgb.size)) if crop else rgb, size, scale)
        thumbnail = _webp(rgb, THUMBNAIL_SIDE, quality=80)
    except Exception as error:
        # Pillow's decoders raise nearly anything on damaged data, from struct.error to
        # MemoryError; all of it means the same to whoever owns the picture.
        raise failure(error, kind) from error
    return Picture(
        array=array,
        thumbnail=thumbnail,
        width=width,
        height=height,
        format=_format_name(data, kind),
        taken=taken,
    )


def _format_name(data: bytes, kind: str) -> str:
    """Return the name of a picture's format, where Pillow has opened it as ``kind``."""
    if raw.can_read(data):
        return "RAW"
    # A JPEG with more pictures behind the first, as phones write them.
    return "JPEG" if kind == "MPO" else kind


def draw_rendition(data: bytes, side: int) -> bytes:
    """Return the picture as WebP for a screen: upright RGB, longest side at most ``side`` pixels.

    It is drawn anew from its pixels, so that nothing else in the bytes comes along. Raises
    ImageError when the bytes can't be trusted or understood.
    """
    image = open_picture(data)
    try:
        image.draft("RGB", (side, side))
        return _webp(upright_rgb(load_pixels(image)), side, quality=85)
    except Exception as error:
        raise failure(error, image.format or "") from error


def to_array(rgb: Image.Image, size: Size = (SIDE, SIDE), scale: int = 1) -> np.ndarray:
    """Resize an RGB image to uint8 (height, width, 3), antialiased bilinear.

    A ``size`` ignores the picture's aspect, None keeps it (see ``sizing.fitted``). The result is
    ``scale`` times as high and wide as that.
    """
    height, width = size or fitted(*rgb.size)
    return np.asarray(rgb.resize((width * scale, height * scale), Image.Resampling.BILINEAR))


def _draft_size(
    lying: tuple[int, int], size: Size, crop: Crop | None, exif: Image.Exif, scale: int
) -> tuple[int, int]:
    """Return the least (width, height) to decode a JPEG to, as it lies before it is turned."""
    if exif.get(ExifTags.Base.Orientation) not in _TURNED:
        return least_size(lying, size, crop, scale)
    height, width = least_size(lying[::-1], size, crop, scale)
    return width, height


def _webp(rgb: Image.Image, side: int, quality: int) -> bytes:
    """Return the image as WebP, its longest side at most ``side``; the image itself is shrunk."""
    rgb.thumbnail((side, side), Image.Resampling.LANCZOS)
    rgb.info.clear()
    buffer = io.BytesIO()
    rgb.save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()
