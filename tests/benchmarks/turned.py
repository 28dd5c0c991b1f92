"""Copies that are turned: ``python turned.py PICTURES``, a folder of photographs.

Of each photograph a copy at half the size is turned or mirrored. It prints how many of them are
found, as the pictures are and with all their orientations, above the score that only 1 in 100
reaches with another photograph; and how far the scores with rounded vectors are from exact ones.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from datasette_revimg.models.batches import encode_shapes
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Network
from datasette_revimg.pictures.decoding import decode
from datasette_revimg.pictures.orientations import OTHERS, other_orientations
from datasette_revimg.vectors.rounded import round_vectors

LONGEST = 1024


def copy_of(file: Path, number: int) -> bytes:
    """Return the JPEG of a photograph's copy at half the size, turned in one of seven ways."""
    image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    image.thumbnail((LONGEST, LONGEST))
    image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    turned = Image.fromarray(OTHERS[number % len(OTHERS)].of(np.asarray(image)))
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def embed(network: Network, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return unit vectors float32 (n, D)."""
    parts = [arrays[start : start + 8] for start in range(0, len(arrays), 8)]
    return np.concatenate([encode_shapes(network.encode, part).vectors for part in parts])


def main() -> None:
    """Embed the photographs and their copies, and print what is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    every = sorted(arguments.pictures.rglob("*.jp*g"))
    files = every[:: max(1, len(every) // arguments.count)][: arguments.count]
    assert VGG16_RMAC.file
    network = Network(VGG16_RMAC.file)
    arrays = [decode(file.read_bytes(), network.size).array for file in files]
    originals = embed(network, arrays)
    turned = np.stack([embed(network, other_orientations(array, network.size)) for array in arrays])
    copies = embed(
        network,
        [decode(copy_of(file, n), network.size).array for n, file in enumerate(files)],
    )
    count, flat = len(files), turned.reshape(-1, turned.shape[2])
    rounded = round_vectors(flat)
    exact = flat @ copies.T
    scores = rounded.vectors @ copies.T
    print(f"{count} photographs, {flat.shape[1]} floats")
    off = np.abs(exact - scores)
    print(
        f"rounded scores are off by {off.mean():.5f} on average, {off.max():.5f} at most; the "
        f"bound is {rounded.errors.max():.4f}"
    )
    own = np.eye(count, dtype=bool)
    best = scores.reshape(count, len(OTHERS), count).max(axis=1)
    upright = originals @ copies.T
    for name, cosines in (
        ("as they are", upright),
        ("with orientations", np.maximum(best, upright)),
    ):
        chance = np.quantile(np.where(own, -1, cosines).max(axis=0), 0.99)
        found = np.diagonal(cosines) > chance
        print(f"{name}: {found.mean():.3f} of the copies are found, above {chance:.3f}")
        for way, orientation in enumerate(OTHERS):
            share = found[way :: len(OTHERS)].mean()
            print(f"  {orientation.words:<26} {share:.3f}")


if __name__ == "__main__":
    main()
