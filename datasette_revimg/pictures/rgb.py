"""Turn any picture that Pillow opens into upright RGB: grey, deep, CMYK, LAB, with alpha."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageCms, ImageOps

from .background import choose_background
from .bands import BAND_PIXELS, bands

_LAB_TO_SRGB = ImageCms.ImageCmsTransform(
    ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")),
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
    "LAB",
    "RGB",
)


def upright_rgb(image: Image.Image, band_pixels: int = BAND_PIXELS) -> Image.Image:
    """Return the image in mode RGB, turned as its EXIF says; the given image may change.

    Alpha is laid over white, or over black where the picture is light (see ``background``), and
    levels of more than 8 bits are scaled to 8. At most about ``band_pixels`` are converted at a
    time, so that this needs little more memory than the result.
    """
    _turn(image)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    levels = _levels(image, band_pixels) if _is_deep(image) else (0.0, 255.0)
    rgb = Image.new("RGB", image.size)
    if not image.has_transparency_data:
        for top, band in bands(image, band_pixels):
            rgb.paste(_to_rgb(band, levels), (0, top))
        return rgb
    behind = choose_background(_to_alpha(band, levels) for _, band in bands(image, band_pixels))
    for top, band in bands(image, band_pixels):
        rgba = _to_alpha(band, levels).convert("RGBA")
        background = Image.new("RGBA", rgba.size, (*behind, 255))
        rgb.paste(Image.alpha_composite(background, rgba).convert("RGB"), (0, top))
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


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _to_rgb(image: Image.Image, levels: tuple[float, float]) -> Image.Image:
    if _is_deep(image):
        image = _to_8_bits(image, *levels)
    if image.mode == "LAB":
        return _LAB_TO_SRGB.apply(image)
    return image.convert("RGB")


def _to_alpha(image: Image.Image, levels: tuple[float, float]) -> Image.Image:
    """Return an image with transparency in a mode that Pillow can convert to RGBA."""
    if image.mode == "La":
        # Grey that was multiplied by its alpha: Pillow has no way from there to RGBA.
        return image.convert("LA")
    if _is_deep(image):
        visible = np.asarray(image) != image.info["transparency"]
        alpha = Image.fromarray(np.where(visible, 255, 0).astype(np.uint8))
        return Image.merge("LA", (_to_8_bits(image, *levels), alpha))
    return image


def _levels(image: Image.Image, band_pixels: int) -> tuple[float, float]:
    """Return black and white of grey levels of more than 8 bits.

    16-bit levels have 0 and 65535; floats, and integers beyond 16 bits, have no agreed white, so
    these are the least and the largest there are.
    """
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    low, high = math.inf, -math.inf
    for _, band in bands(image, band_pixels):
        part = _finite(band)
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if image.mode == "I" and low >= 0 and high <= 65535:
        return 0.0, 65535.0
    return low, high


def _finite(image: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)


def _to_8_bits(image: Image.Image, low: float, high: float) -> Image.Image:
    """Scale grey levels between black and white to mode L, where Pillow would clip at 255."""
    scaled = (_finite(image) - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray(np.round(scaled).astype(np.uint8))
