"""Photographs to calibrate on and to measure with, squeezed as the network takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...pictures import decoding
from ...pictures.region import SIDE as WHOLE
from ...pictures.region import Crop
from ..int8.sample import picture_files

VARIANTS_PER_PHOTO = 3
PHOTOS_PER_BATCH = 5


def photographs(folders: Sequence[Path]) -> list[Path]:
    """Return every picture file below the folders, without links, which would count twice.

    Sorted within each folder only: the folders' own places must not change the order.
    """
    return [file for folder in folders for file in picture_files(folder)]


def read(file: Path) -> np.ndarray:
    """Decode a photograph to uint8 (224, 224, 3)."""
    return decoding.decode(file.read_bytes()).array


def cropped(photo: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Return a square of a photograph, enlarged to uint8 (224, 224, 3) again."""
    box = (left, top, left + side, top + side)
    return decoding.to_array(Image.fromarray(photo).crop(box))


def quartered(file: Path) -> list[np.ndarray]:
    """Return a photograph and its four quarters, each uint8 (height, width, 3), aspect kept."""
    data, half = file.read_bytes(), WHOLE // 2
    quarters = [Crop(left, top, half, half) for top in (0, half) for left in (0, half)]
    return [decoding.decode(data, None, crop).array for crop in (None, *quarters)]


def calibration_batches(files: Sequence[Path], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield a few files' pictures and their variants at a time, uint8 (N, 224, 224, 3)."""
    for start in range(0, len(files), PHOTOS_PER_BATCH):
        yield np.stack(
            [
                variant
                for file in files[start : start + PHOTOS_PER_BATCH]
                for variant in _augmented(read(file), rng)
            ]
        )


def _augmented(photo: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the photograph and seeded variants of it, each uint8 (224, 224, 3).

    Crops, mirror images and other exposures stretch the range of activations that calibration
    sees to that of a collection.
    """
    yield photo
    for _ in range(VARIANTS_PER_PHOTO - 1):
        side = int(decoding.SIDE * rng.uniform(0.4, 0.9))
        left, top = (int(rng.integers(0, decoding.SIDE - side + 1)) for _ in range(2))
        variant = cropped(photo, left, top, side)
        if rng.random() < 0.5:
            variant = variant[:, ::-1]
        exposed = variant.astype(np.float32) * rng.uniform(0.6, 1.5) + rng.uniform(-30, 30)
        yield np.clip(exposed, 0, 255).astype(np.uint8)
