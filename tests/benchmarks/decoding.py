"""Where the time goes when a large photograph is decoded, and what it does to the vectors.

    python tests/benchmarks/decoding.py FOLDER... [--megapixels N] [--limit N] [--resave]

Takes the JPEGs of at least so many megapixels in the folders. Prints the processor time of each
part of the decoding, beside decoding the whole picture, which is what a program does that knows
nothing of the size it needs; and the cosines between the vectors that the bundled network makes of
both. With ``--resave``, the pictures are first saved as cameras save them: 4000 × 3000 pixels,
baseline, 4:2:0, quality 93. Pillow's decoders don't wait for anything, so processor time is what
counts, and a busy machine distorts it less.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from datasette_revimg.embedding.choice import load_network
from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.pictures import decoding, opening, rgb
from datasette_revimg.pictures.scaling import THUMBNAIL_SIDE

NETWORK = (decoding.SIDE, decoding.SIDE)
CAMERA = (4000, 3000)
BATCH = 8


def photographs(folders: list[Path], megapixels: float) -> Iterator[bytes]:
    """Yield the files of the large JPEGs in the folders, each content once."""
    known = set()
    for file in sorted(file for folder in folders for file in folder.rglob("*")):
        if file.suffix.lower() not in (".jpg", ".jpeg") or not file.is_file():
            continue
        data = file.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            large = image.width * image.height >= megapixels * 1e6
        digest = hashlib.sha256(data).digest()
        if large and digest not in known:
            known.add(digest)
            yield data


def resaved(data: bytes) -> bytes:
    """Return the picture as a camera would have saved it."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        large = image.convert("RGB").resize(CAMERA, Image.Resampling.LANCZOS)
    large.save(buffer, "JPEG", quality=93, subsampling="4:2:0")
    return buffer.getvalue()


def whole(data: bytes) -> np.ndarray:
    """Return what the network gets of the picture when all of its pixels are decoded."""
    return decoding.to_array(rgb.upright_rgb(opening.open_picture(data)), NETWORK)


def unscaled(data: bytes) -> None:
    """Make what decode makes, of the whole picture."""
    image = pixels(data, 1)
    decoding.to_array(image, NETWORK)
    webp(thumbnail(image))


def pixels(data: bytes, scale: int) -> Image.Image:
    """Return the picture scaled down by libjpeg."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (image.width // scale, image.height // scale))
    image.load()
    return image


def thumbnail(image: Image.Image) -> Image.Image:
    """Return the picture as small as a thumbnail."""
    image = image.copy()
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return image


def webp(image: Image.Image) -> None:
    """Save the picture as thumbnails are saved."""
    image.save(io.BytesIO(), "WEBP", quality=80, method=2)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the least processor time of three runs."""
    times = []
    for _ in range(3):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return 1000 * min(times)


def parts(data: bytes) -> dict[str, float]:
    """Return the milliseconds of each part of decoding a picture, and of all of it."""
    small = pixels(data, 8)
    return {
        "SHA-256 of the file": milliseconds(lambda: hashlib.sha256(data)),
        "open, count scans, read EXIF": milliseconds(
            lambda: opening.open_picture(data).getexif().get(0x0112)
        ),
        "libjpeg, whole": milliseconds(lambda: pixels(data, 1)),
        "libjpeg, 1/4": milliseconds(lambda: pixels(data, 4)),
        "libjpeg, 1/8": milliseconds(lambda: pixels(data, 8)),
        "resize for the network, of 1/8": milliseconds(lambda: decoding.to_array(small, NETWORK)),
        "resize for the thumbnail, of 1/8": milliseconds(lambda: thumbnail(small)),
        "WebP of the thumbnail": milliseconds(lambda: webp(thumbnail(small)))
        - milliseconds(lambda: thumbnail(small)),
        "decode": milliseconds(lambda: decoding.decode(data)),
        "whole picture to array and thumbnail": milliseconds(lambda: unscaled(data)),
    }


def vectors(arrays: list[np.ndarray]) -> np.ndarray:
    """Return the bundled network's vectors, float32 (n, D)."""
    network = load_network(VGG16_RMAC, "cpu", None)
    batches = [np.stack(arrays[start : start + BATCH]) for start in range(0, len(arrays), BATCH)]
    return np.concatenate([network.encode(batch).vectors for batch in batches])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--megapixels", type=float, default=6)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--timed", type=int, default=12, help="how many pictures to time")
    parser.add_argument("--resave", action="store_true")
    arguments = parser.parse_args()
    files = list(photographs(arguments.folders, arguments.megapixels))[: arguments.limit]
    if arguments.resave:
        files = [resaved(data) for data in files]
    print(f"{len(files)} photographs, {sum(map(len, files)) / len(files) / 1e6:.1f} MB each")
    timed = [parts(data) for data in files[:: max(1, len(files) // arguments.timed)]]
    medians = {name: statistics.median(each[name] for each in timed) for name in timed[0]}
    for name, value in medians.items():
        print(f"{name:40} {value:7.1f} ms  {value / medians['decode']:6.2f} × decode")
    ours = vectors([decoding.decode(data).array for data in files])
    cosines = np.vecdot(ours, vectors([whole(data) for data in files]))
    print(f"cosines to the whole picture: mean {cosines.mean():.5f}, least {cosines.min():.5f}")


if __name__ == "__main__":
    main()
