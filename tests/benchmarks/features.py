"""Real features of photographs, 4096 numbers a picture: ``python features.py OUT.npz FOLDER…``

VGG16's own 4096 numbers need its dense layers, half a gigabyte that not every machine has. The
bundled network ends with the same last convolution block, so what the dense layers would read is
taken in their place: its output (512, 7, 7), max-pooled over 2 × 4 regions. Of every picture
random crops and mirror images are taken, more of a larger one, because a collection holds
many pictures of one thing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import datasette_revimg
from datasette_revimg.pictures import decoding, opening

NETWORK = Path(datasette_revimg.__file__).with_name("models") / "bundled" / "vgg16-rmac.onnx"
SEED = 2017
BATCH = 8

# Pictures are scaled down to this before they are cropped, and a crop is taken for every so many
# pixels of their longest side.
LONGEST, PIXELS_A_CROP = 2048, 80

REGIONS = (2, 4)


def pictures(folders: list[Path]) -> list[Path]:
    """Every picture file below the folders, once."""
    return sorted(
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix.lower() in opening.suffixes() and file.is_file() and not file.is_symlink()
    )


def crops(file: Path, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The whole picture and random parts of it, some mirrored, each uint8 (224, 224, 3)."""
    try:
        image = Image.fromarray(decoding.decode(file.read_bytes(), (LONGEST, LONGEST)).array)
        with Image.open(file) as original:
            longest = max(original.size)
    except (opening.ImageError, OSError):
        return
    if longest < decoding.SIDE:
        return
    yield decoding.to_array(image)
    for _ in range(min(longest, LONGEST) // PIXELS_A_CROP):
        side = int(LONGEST * rng.uniform(0.3, 0.95))
        left, top = (int(rng.integers(0, LONGEST - side + 1)) for _ in range(2))
        part = decoding.to_array(image.crop((left, top, left + side, top + side)))
        yield part[:, ::-1] if rng.random() < 0.5 else part


def pooled(features: np.ndarray) -> np.ndarray:
    """The largest value of each channel in 2 × 4 regions: (N, 512, 7, 7) → (N, 4096)."""
    down, across = (
        [slice(at * 7 // parts, -(-(at + 1) * 7 // parts)) for at in range(parts)]
        for parts in REGIONS
    )
    maxima = [features[:, :, rows, columns].max((2, 3)) for rows in down for columns in across]
    return np.concatenate(maxima, axis=1)


def compute(files: list[Path], threads: int) -> np.ndarray:
    """float32 (N, 4096) of all crops of all files."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(NETWORK, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(SEED)
    found: list[np.ndarray] = []
    batch: list[np.ndarray] = []

    def run() -> None:
        (features,) = session.run(["features"], {"images": np.stack(batch)})
        found.append(pooled(features))
        batch.clear()

    for number, file in enumerate(files, start=1):
        for picture in crops(file, rng):
            batch.append(picture)
            if len(batch) == BATCH:
                run()
        print(f"\r{number} of {len(files)} pictures, {BATCH * len(found)} crops", end="")
    if batch:
        run()
    print()
    return np.concatenate(found)


def load(file: Path) -> np.ndarray:
    """Unit vectors float32 (N, 4096) of the crops; every other fixed crop in a random order."""
    if not file.is_file():
        raise SystemExit(f"{file}: there is no such file, make it with features.py")
    vectors = np.load(file)["features"]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT.npz")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    # Before the minutes that it takes.
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.out, features=compute(pictures(arguments.pictures), arguments.threads))
