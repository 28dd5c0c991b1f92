"""Turn any picture that Pillow opens into upright RGB: grey, deep, CMYK, LAB, with alpha."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms, ImageOps

# Pixels that are converted at a time, which takes up to 50 bytes each.
BAND_PIXELS = 1 << 20

_LAB_TO_SRGB = ImageCms.ImageCmsTransform(
    ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")),
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
    "LAB",
    "RGB",
)

_WHITE = (255, 255, 255, 255)


def upright_rgb(image: Image.Image, band_pixels: int = BAND_PIXELS) -> Image.Image:
    """Return the image in mode RGB, turned as its EXIF says; the given image may change.

    Alpha is laid over white, and levels of more than 8 bits are scaled to 8. At most about
    ``band_pixels`` are converted at a time, so that this needs little more memory than the result.
    """
    _turn(image)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    levels = _levels(image, band_pixels) if _is_deep(image) else (0.0, 255.0)
    rgb = Image.new("RGB", image.size)
    for top, band in _bands(image, band_pixels):
        rgb.paste(_to_rgb(band, levels), (0, top))
    return rgb


def _turn(image: Image.Image) -> None:
    """Turn the image as its EXIF says, in place; not at all when that can't be read."""
    image.load()
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:
        # Pillow raises nearly anything on damaged EXIF, before it has turned the pixels or after,
        # but never halfway.
        return


def _bands(image: Image.Image, band_pixels: int) -> Iterator[tuple[int, Image.Image]]:
    """Yield the image in parts as wide as it is, from the top, each after its first row."""
    rows = max(1, band_pixels // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _to_rgb(image: Image.Image, levels: tuple[float, float]) -> Image.Image:
    if _is_deep(image):
        image = _to_8_bits(image, *levels)
    if image.mode == "La":
        # Grey that was multiplied by its alpha: Pillow has no way from there to RGBA.
        image = image.convert("LA")
    if image.mode == "LAB":
        return _LAB_TO_SRGB.apply(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    return image.convert("RGB")


def _levels(image: Image.Image, band_pixels: int) -> tuple[float, float]:
    """Return black and white of grey levels of more than 8 bits.

    16-bit levels have 0 and 65535; floats, and integers beyond 16 bits, have no agreed white, so
    these are the least and the largest there are.
    """
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    low, high = math.inf, -math.inf
    for _, band in _bands(image, band_pixels):
        part = _finite(band)
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if image.mode == "I" and low >= 0 and high <= 65535:
        return 0.0, 65535.0
    return low, high


def _finite(image: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)


def _to_8_bits(image: Image.Image, low: float, high: float) -> Image.Image:
    """Scale grey levels between black and white to mode L, where Pillow would clip at 255.

    The level that is declared transparent becomes white.
    """
    levels = _finite(image)
    scaled = (levels - low) * (255 / max(high - low, 1e-12))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled[levels == transparent] = 255
    return Image.fromarray(np.round(scaled).astype(np.uint8))
