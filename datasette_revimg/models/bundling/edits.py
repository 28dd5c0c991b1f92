"""Twenty edits that copies of a picture go through, and photographs of printed covers.

All are seeded: the same generator gives the same pictures.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Random = np.random.Generator
Edit = Callable[[Image.Image, Random], Image.Image]
_Pixel = tuple[int, int, int]


def _crop(image: Image.Image, share: float, rng: Random) -> Image.Image:
    """Return a part with ``share`` of each side, somewhere in the picture."""
    width, height = (max(8, round(side * share)) for side in image.size)
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _smaller(image: Image.Image, factor: float) -> Image.Image:
    width, height = (max(8, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _squeeze(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((max(8, round(image.width * factor)), image.height))


def _sepia(image: Image.Image) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), (30, 15, 5), (255, 240, 200))


def _text(image: Image.Image, rng: Random) -> Image.Image:
    image = image.copy()
    size = max(10, image.height // 7)
    place = (int(image.width * 0.06), int(image.height * rng.uniform(0.05, 0.75)))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    draw.text(place, "the best of the year", "white", font, stroke_width=2, stroke_fill="black")
    return image


def _border(image: Image.Image, rng: Random) -> Image.Image:
    return ImageOps.expand(image, max(image.size) // 6, _colour(rng))


def _noise(image: Image.Image, rng: Random) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    return Image.fromarray(np.clip(pixels + rng.normal(0, 25, pixels.shape), 0, 255).astype("u1"))


def _screenshot(image: Image.Image, rng: Random) -> Image.Image:
    """Return the picture in a window with bars and lines of text around it."""
    width, height = image.width * 3 // 2, image.height * 8 // 5
    page = Image.new("RGB", (width, height), (245, 245, 245))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, width, height // 10), _colour(rng))
    for line in range(5):
        top = height * (40 + line) // 46
        draw.rectangle((20, top, int(width * rng.uniform(0.5, 0.9)), top + height // 90), "grey")
    page.paste(image, ((width - image.width) // 2, height // 6))
    return page


def _side_by_side(image: Image.Image, rng: Random) -> Image.Image:
    """Return the picture beside a smooth pattern of its own size."""
    both = Image.new("RGB", (2 * image.width, image.height))
    both.paste(image, (0, 0))
    both.paste(_pattern(image.size, rng), (image.width, 0))
    return both


def _in_another(image: Image.Image, rng: Random) -> Image.Image:
    """Return a pattern, three tenths of which are the picture."""
    page = _pattern((image.width * 9 // 5, image.height * 9 // 5), rng)
    left, top = (int(rng.integers(0, side * 4 // 5 + 1)) for side in image.size)
    page.paste(image, (left, top))
    return page


def _pattern(size: tuple[int, int], rng: Random) -> Image.Image:
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def _colour(rng: Random) -> _Pixel:
    return cast(_Pixel, tuple(int(level) for level in rng.integers(0, 256, 3)))


EDITS: dict[str, Edit] = {
    "JPEG 20": lambda image, rng: _jpeg(image, 20),
    "JPEG 5": lambda image, rng: _jpeg(image, 5),
    "quarter of the size": lambda image, rng: _smaller(image, 1 / 4),
    "64 pixels": lambda image, rng: _smaller(image, 64 / max(image.size)),
    "blur": lambda image, rng: image.filter(ImageFilter.GaussianBlur(max(image.size) / 90)),
    "noise": _noise,
    "grey": lambda image, rng: image.convert("L").convert("RGB"),
    "sepia": lambda image, rng: _sepia(image),
    "brighter": lambda image, rng: ImageEnhance.Brightness(image).enhance(1.6),
    "darker": lambda image, rng: ImageEnhance.Brightness(image).enhance(0.5),
    "more contrast": lambda image, rng: ImageEnhance.Contrast(image).enhance(1.8),
    "squeezed": lambda image, rng: _squeeze(image, 0.7),
    "half left": lambda image, rng: _crop(image, 0.7, rng),
    "quarter left": lambda image, rng: _crop(image, 0.5, rng),
    "text": _text,
    "border": _border,
    "mirrored": lambda image, rng: ImageOps.mirror(image),
    "turned by 10°": lambda image, rng: image.rotate(10, Image.Resampling.BILINEAR, expand=True),
    "screenshot": _screenshot,
    "side by side": _side_by_side,
    "in another picture": _in_another,
}


def photograph_cover(
    cover: Image.Image, table: Image.Image, rng: Random, side: int = 480
) -> Image.Image:
    """Return a photograph of a printed cover lying on another picture, held by hand.

    The cover is seen at an angle and from a distance, lit unevenly, with a reflection, in a light
    of another colour; blurred, noisy, and compressed.
    """
    width, height = (side, side * 3 // 4) if rng.random() < 0.3 else (side * 3 // 4, side)
    scene = ImageOps.fit(table, (width, height))
    scale = rng.uniform(0.5, 0.85) * min(width / cover.width, height / cover.height)
    placed = _placed(cover, scene, scale, rng)
    pixels = np.asarray(placed, np.float32) * _light(width, height, rng)
    pixels += _reflection(width, height, rng)
    pixels += rng.normal(0, rng.uniform(2, 8), pixels.shape)
    photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    blurred = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    return _jpeg(blurred, int(rng.integers(50, 90)))


def _placed(cover: Image.Image, scene: Image.Image, scale: float, rng: Random) -> Image.Image:
    """Return the scene with the cover's four corners moved as if seen at an angle."""
    half = np.array([cover.width, cover.height]) * scale / 2
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    corners += rng.uniform(-0.16, 0.16, (4, 2)) * half
    angle = rng.uniform(-0.3, 0.3)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    free = np.array(scene.size) * 0.08
    corners = corners @ turn + np.array(scene.size) / 2 + rng.uniform(-free, free)
    source = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (cover.width, cover.height)
    coefficients = _perspective(corners, source)
    options = (Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
    mask = Image.new("L", cover.size, 255)
    result = scene.copy()
    result.paste(cover.transform(scene.size, *options), mask=mask.transform(scene.size, *options))
    return result


def _perspective(places: np.ndarray, source: np.ndarray) -> list[float]:
    """Return Pillow's eight coefficients that fetch the four ``places`` from ``source``."""
    rows, values = [], []
    for (x, y), (u, v) in zip(places, source, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    return [float(number) for number in np.linalg.solve(np.array(rows), np.array(values))]


def _light(width: int, height: int, rng: Random) -> np.ndarray:
    """Return a factor for each pixel, float (height, width, 3): a gradient and a tint."""
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    angle = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0.1, 0.45) * (across * np.cos(angle) + down * np.sin(angle))
    tint = rng.uniform(0.8, 1.15, 3)
    return np.asarray((rng.uniform(0.6, 1.2) + slope)[:, :, None] * tint)


def _reflection(width: int, height: int, rng: Random) -> np.ndarray:
    """Return the light of a lamp, float (height, width, 1), added where it is mirrored."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    left, top = rng.uniform(0.2, 0.8, 2)
    distance = ((across - left) ** 2 + (down - top) ** 2) / rng.uniform(0.005, 0.03)
    return np.asarray(rng.uniform(0, 160) * np.exp(-distance)[:, :, None])
