"""Pictures to calibrate int8 with and to measure it on: the user's own, or generated ones.

Generated pictures are dead leaves: discs of all sizes that cover each other, each with a texture.
Their edges and contrasts are distributed as those of photographs are. Lee, Mumford & Huang,
"Occlusion Models for Natural Images: A Statistical Study of a Scale-Invariant Dead Leaves Model",
2001.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import TooFewPicturesError
from ...pictures import decoding, files, opening

# Half of them calibrate, the others measure.
LIMIT = 128

# A picture's nearest five are looked for among at least so many others.
LEAST = 24

SIDE = decoding.SIDE
LEAVES = 400
RADII = (4.0, 160.0)


def picture_files(folder: Path) -> list[Path]:
    """Return every picture file below the folder, sorted, without links."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in opening.suffixes() and file.is_file() and not file.is_symlink()
    ]


def own_pictures(folder: Path, limit: int = LIMIT) -> np.ndarray:
    """Return up to ``limit`` pictures from everywhere in a folder, uint8 (N, 224, 224, 3).

    Files that can't be read as pictures are left out. TooFewPicturesError when too few are left.
    """
    found = picture_files(folder)
    places = np.linspace(0, len(found) - 1, min(limit, len(found))).astype(int)
    pictures = []
    for place in places:
        try:
            pictures.append(decoding.decode(files.read_file(found[place])).array)
        except opening.ImageError:
            continue
    if len(pictures) < LEAST:
        raise TooFewPicturesError(
            f"{folder} has {len(pictures)} pictures that can be read; at least {LEAST} are needed "
            "to calibrate and measure int8: give a larger folder, or leave out --pictures"
        )
    return np.stack(pictures)


def generated_pictures(limit: int = LIMIT) -> np.ndarray:
    """Return dead leaves, the same every time, uint8 (N, 224, 224, 3)."""
    return np.stack([_dead_leaves(np.random.default_rng(seed)) for seed in range(limit)])


def _dead_leaves(rng: np.random.Generator) -> np.ndarray:
    """Paint one picture from the back to the front."""
    picture = np.empty((SIDE, SIDE, 3))
    # Pictures differ in contrast and in how colourful they are, as photographs do.
    contrast, colourfulness = rng.uniform(25, 75), rng.uniform(0, 0.8)
    texture = _texture(rng)
    picture[:] = 128 + texture * contrast
    for radius in _radii(rng):
        x, y = rng.uniform(-radius / 2, SIDE + radius / 2, 2)
        left, top = (max(0, int(edge - radius)) for edge in (x, y))
        right, bottom = (min(SIDE, int(edge + radius) + 1) for edge in (x, y))
        if left >= right or top >= bottom:
            continue
        rows, columns = np.ogrid[top:bottom, left:right]
        leaf = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
        grey = rng.normal(128, contrast)
        colour = grey + colourfulness * rng.normal(0, contrast, 3)
        height, width = bottom - top, right - left
        down, along = rng.integers(0, (SIDE - height + 1, SIDE - width + 1))
        own = texture[down : down + height, along : along + width]
        painted = colour + own * rng.uniform(0, contrast / 2)
        picture[top:bottom, left:right][leaf] = painted[leaf]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _radii(rng: np.random.Generator) -> np.ndarray:
    """Return radii whose density falls with their third power: the same picture at every scale."""
    shortest, longest = RADII
    shares = rng.uniform(longest**-2, shortest**-2, LEAVES)
    return np.asarray(shares**-0.5)


def _texture(rng: np.random.Generator) -> np.ndarray:
    """Return noise whose spectrum falls with the frequency, (SIDE, SIDE, 1), deviation 1."""
    rows, columns = np.fft.fftfreq(SIDE)[:, np.newaxis], np.fft.rfftfreq(SIDE)
    frequencies = np.hypot(rows, columns)
    frequencies[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequencies
    noise = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return np.asarray(noise / noise.std())[:, :, np.newaxis]
