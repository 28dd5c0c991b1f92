"""Whether regions of stored pictures would find them by a small part: ``python regions.py …``.

``python regions.py --photos FOLDER... --among FOLDER`` cuts out 25 %, 10 % and 5 % of the area of
some of the photographs, and looks for each part among all photographs and those of the other
folder. Printed is how often the right picture comes first (recall@1): by the pictures' own vectors,
and by the best of those and of R-MAC's 14 regions of the stored picture at 448 pixels, each region
whitened by itself; with the part as the only query, and with six windows of it besides.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.embedding.choice import load_network
from datasette_revimg.models.bundling.labelled import View, split
from datasette_revimg.models.bundling.photographs import photographs
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.models.network import Network
from datasette_revimg.models.vgg16.rmac import region_slices
from datasette_revimg.models.vgg16.tail import Tail, bundled_tail
from datasette_revimg.pictures.decoding import to_array
from datasette_revimg.pictures.sizing import MULTIPLE
from datasette_revimg.vectors.measures import recall_at_1

# The parts' share of the area of their pictures.
SHARES = (0.25, 0.10, 0.05)

# The longer side of a stored picture whose regions are pooled.
REGIONS_SIDE = 448

# Windows of a query: this many along its longer and its shorter side, and their share of it.
LONGER, SHORTER = (3, 1 / 2), (2, 2 / 3)

SEED = 9


@dataclass(frozen=True)
class Stored:
    """A picture's own vector (D,), and those of its regions (R, D)."""

    whole: np.ndarray
    regions: np.ndarray


def describe(network: Network, tail: Tail, image: Image.Image) -> Stored:
    """Return everything that would be stored for a picture."""
    scale = REGIONS_SIDE / max(image.size)
    width, height = (max(1, round(side * scale / MULTIPLE)) * MULTIPLE for side in image.size)
    batch = network.encode(to_array(image, (height, width))[np.newaxis], features=True)
    assert batch.features
    block5, block4 = (_maxima(maps[0]) for maps in batch.features)
    return Stored(embed(network, image), tail.apply(block4, block5))


def embed(network: Network, image: Image.Image) -> np.ndarray:
    """Return a picture's own vector (D,)."""
    return network.embed(to_array(image, network.size)[np.newaxis])[0]


def _maxima(maps: np.ndarray) -> np.ndarray:
    """Return each region's maxima (R, C) of maps (C, H, W)."""
    slices = region_slices(*maps.shape[1:])
    return np.stack([maps[:, rows, columns].max(axis=(1, 2)) for rows, columns in slices])


def part(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """Return a part of a picture anywhere in it, with the picture's aspect."""
    width, height = (round(side * share**0.5) for side in image.size)
    left, top = (
        int(rng.integers(0, whole - side + 1))
        for whole, side in zip(image.size, (width, height), strict=True)
    )
    return image.crop((left, top, left + width, top + height))


def windows(image: Image.Image) -> Iterator[Image.Image]:
    """Yield overlapping windows of a query."""
    across, down = (LONGER, SHORTER) if image.width >= image.height else (SHORTER, LONGER)
    for left, right in _spans(image.width, *across):
        for top, bottom in _spans(image.height, *down):
            yield image.crop((left, top, right, bottom))


def _spans(side: int, count: int, share: float) -> list[tuple[int, int]]:
    length = max(1, round(side * share))
    starts = np.linspace(0, side - length, count).round().astype(int)
    return [(int(start), int(start) + length) for start in starts]


def scores(queries: np.ndarray, stored: Sequence[Stored], regions: bool) -> np.ndarray:
    """Return the best cosine of any of the queries (Q, D) with each stored picture, (N,)."""
    best = (queries @ np.stack([each.whole for each in stored]).T).max(axis=0)
    if regions:
        own = np.concatenate([each.regions for each in stored])
        count = len(stored[0].regions)
        best = np.maximum(best, (queries @ own.T).max(axis=0).reshape(-1, count).max(axis=1))
    return np.asarray(best)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--among", type=Path, nargs="+", default=[])
    parser.add_argument("--queries", type=int, default=100, help="photographs to cut parts out of")
    parser.add_argument("--strangers", type=int, default=300, help="pictures of --among")
    options = parser.parse_args()
    photos, others = photographs(options.photos), photographs(options.among)
    asked = _some(photos, options.queries)
    files = [*photos, *_some(others, options.strangers)]
    network, tail = load_network(VGG16_RMAC), bundled_tail()
    stored = []
    for number, file in enumerate(files):
        stored.append(describe(network, tail, View(file).image()))
        print(f"\r{number + 1} of {len(files)} pictures", end="", file=sys.stderr)
    print(file=sys.stderr)
    titles = ["whole", "whole, 7 queries", "regions", "regions, 7 queries"]
    print(f"| {len(asked)} parts of {len(files)} pictures, R@1 | {' | '.join(titles)} |")
    print(f"| --- |{' --- |' * len(titles)}")
    places = [files.index(file) for file in asked]
    relevant = np.arange(len(files)) == np.c_[places]
    for share in SHARES:
        ranked: dict[str, list[np.ndarray]] = {title: [] for title in titles}
        for file in asked:
            rng = np.random.default_rng([zlib.crc32(file.name.encode()), round(share * 100), SEED])
            query = part(View(file).image(), share, rng)
            one = embed(network, query)[np.newaxis]
            seven = np.stack([one[0], *(embed(network, window) for window in windows(query))])
            settings = [(one, False), (seven, False), (one, True), (seven, True)]
            for title, (queries, regions) in zip(titles, settings, strict=True):
                ranked[title].append(scores(queries, stored, regions))
        recalls = [recall_at_1(np.stack(rows), relevant) for rows in ranked.values()]
        cells = " | ".join(f"{recall:.3f}" for recall in recalls)
        print(f"| {share:.0%} | {cells} |", flush=True)


def _some(files: Sequence[Path], count: int) -> list[Path]:
    """Return some of the files, always the same ones."""
    if count >= len(files):
        return list(files)
    return split(files, (count, len(files) - count), SEED)[0]


if __name__ == "__main__":
    main()
