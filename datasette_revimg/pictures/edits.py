"""Edits after which a picture is still the same picture: crop, turn, compress, write on them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from .decoding import to_array
from .loading import load_pixels
from .opening import failure, open_picture
from .rgb import upright_rgb
from .sizing import Size

# Edits are made of pictures of at most this side: a network sees far less.
_LONGEST = 1024

_Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def _crop(area: float) -> _Edit:
    """Return an edit that keeps this share of the area, somewhere in the picture."""
    part = area**0.5

    def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = (max(1, round(side * part)) for side in image.size)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        return image.crop((left, top, left + width, top + height))

    return crop


def _turn(way: Image.Transpose) -> _Edit:
    return lambda image, rng: image.transpose(way)


def _jpeg(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=20)
    return Image.open(buffer)


def _quarter(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = (max(1, side // 4) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _blur(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 150))


def _text(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    written = image.copy()
    draw = ImageDraw.Draw(written)
    font = ImageFont.load_default(max(8, image.width // 9))
    for share in (0.15, 0.55):
        place = image.width * 0.05, image.height * share
        draw.text(place, "SAMPLE TEXT 2017", (255, 255, 255), font, stroke_width=2, stroke_fill=0)
    return written


def _border(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.expand(image, max(1, max(image.size) // 12), (255, 255, 255))


def _aspect(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.resize((max(1, image.width * 3 // 4), image.height), Image.Resampling.BILINEAR)


# By name, as a person reads it after “found of copies that were …”.
EDITS: dict[str, _Edit] = {
    "cropped to 75 %": _crop(0.75),
    "cropped to 50 %": _crop(0.5),
    "mirrored": _turn(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned 90°": _turn(Image.Transpose.ROTATE_270),
    "turned 180°": _turn(Image.Transpose.ROTATE_180),
    "turned 270°": _turn(Image.Transpose.ROTATE_90),
    "saved as JPEG 20": _jpeg,
    "made a quarter as large": _quarter,
    "blurred": _blur,
    "made grey": lambda image, rng: image.convert("L"),
    "written on": _text,
    "given a border": _border,
    "squeezed to 75 %": _aspect,
    "brightened by 40 %": lambda image, rng: ImageEnhance.Brightness(image).enhance(1.4),
}


def edited_arrays(data: bytes, size: Size, seed: int) -> list[np.ndarray]:
    """Return a picture's edits for a network, uint8 (height, width, 3) each, in EDITS' order.

    ``data`` are its bytes, ``size`` what the network takes, (height, width) in pixels or any, and
    ``seed`` decides where it is cropped. Raises ImageError when it can't be used.
    """
    image = open_picture(data)
    try:
        image.draft("RGB", (_LONGEST, _LONGEST))
        rgb = upright_rgb(load_pixels(image))
        rgb.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BILINEAR)
        rng = np.random.default_rng(seed)
        edits = [edit(rgb, rng).convert("RGB") for edit in EDITS.values()]
        return [to_array(edit, size) for edit in edits]
    except Exception as error:
        raise failure(error, image.format or "") from error
