"""Whether two small pictures show the same pixels, by comparing these and nothing else.

It is the second opinion beside a network's: what it calls the same is the same picture, but one
that was turned, cropped, written on or coloured otherwise. It misses some; that does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from PIL import Image, ImageFilter

from .opening import ImageError, failure, open_picture
from .rgb import upright_rgb

# Pixels of a side: of the pictures that are compared, and of those that are laid over each other
# to find out where they may agree.
_SIDE, _COARSE = 96, 32

# The coarse sides of the crops that are looked for: from half of the area on.
_CROPS = range(22, _COARSE + 1)

# Correlations from which two pictures may be the same, coarsely, and are, in their details. Of 150
# pairs of photographs of the same kind of thing, the details of none reached more than 0.44; of
# crops of half of a picture, the median reached 0.84.
_MAY_BE, _ARE = 0.7, 0.5

# Details are what is left without what is this blurred, in pixels.
_BLUR = 3

# How far off the coarse place and side may be, in coarse pixels.
_SHIFTS, _GROWTHS = (-0.5, -0.25, 0.0, 0.25, 0.5), (-0.5, 0.0, 0.5)


@dataclass(frozen=True)
class SmallGrey:
    """A picture of 96 × 96 grey levels."""

    image: Image.Image

    @cached_property
    def coarse(self) -> np.ndarray:
        """The picture in 32 × 32 levels, float32."""
        small = self.image.resize((_COARSE, _COARSE), Image.Resampling.BOX)
        return np.asarray(small, np.float32)

    @cached_property
    def details(self) -> np.ndarray:
        """What is left of the picture without what is blurred, float32 (96, 96)."""
        return _details(self.image)


def small_grey(data: bytes) -> SmallGrey | None:
    """Return a picture as it is compared, None when it can't be read."""
    try:
        image = open_picture(data)
        try:
            grey = upright_rgb(image).convert("L")
            return SmallGrey(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX))
        except Exception as error:
            raise failure(error, image.format or "") from error
    except ImageError:
        return None


def same_pixels(a: SmallGrey, b: SmallGrey) -> bool:
    """Return whether two pictures show the same pixels.

    One may be turned or mirrored, a part of the other, or have something written over it.
    """
    if _contains(a, b, _CROPS) or _contains(b, a, _CROPS):
        return True
    return any(_contains(a, turned, [_COARSE]) for turned in _turned(b))


def _turned(picture: SmallGrey) -> Iterator[SmallGrey]:
    for way in Image.Transpose:
        yield SmallGrey(picture.image.transpose(way))


def _contains(whole: SmallGrey, part: SmallGrey, sides: range | list[int]) -> bool:
    """Return whether ``part`` is somewhere in ``whole``, scaled to one of the coarse sides."""
    best, side, top, left = max(_place(whole.coarse, part.coarse, side) for side in sides)
    if best < _MAY_BE:
        return False
    scale = _SIDE / _COARSE
    for growth, down, across in product(_GROWTHS, _SHIFTS, _SHIFTS):
        grown = side + growth
        y, x = top + down - growth / 2, left + across - growth / 2
        box = (
            max(0.0, x * scale),
            max(0.0, y * scale),
            min(float(_SIDE), (x + grown) * scale),
            min(float(_SIDE), (y + grown) * scale),
        )
        cut = whole.image.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, box=box)
        if _correlation(_details(cut), part.details) >= _ARE:
            return True
    return False


def _place(whole: np.ndarray, part: np.ndarray, side: int) -> tuple[float, int, int, int]:
    """Return where ``part``, scaled to this side, fits best: the correlation, side, top, left."""
    scaled = Image.fromarray(part).resize((side, side), Image.Resampling.BOX)
    wanted = np.asarray(scaled, np.float32)
    wanted = wanted - wanted.mean()
    windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side))
    places = windows.shape[1]
    windows = windows.reshape(-1, side * side)
    windows = windows - windows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(windows, axis=1) * np.linalg.norm(wanted)
    fits = (windows @ wanted.ravel()) / np.maximum(lengths, 1e-6)
    best = int(fits.argmax())
    return float(fits[best]), side, best // places, best % places


def _details(image: Image.Image) -> np.ndarray:
    blurred = image.filter(ImageFilter.GaussianBlur(_BLUR))
    return np.asarray(image, np.float32) - np.asarray(blurred, np.float32)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.vdot(a, b)) / lengths if lengths else 0.0
