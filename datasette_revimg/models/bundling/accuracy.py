"""Compare int8 with float32: ``python -m datasette_revimg.models.bundling.accuracy …``.

Measures what quantisation costs on photographs that were not used for calibration, and what it
gains in speed, both networks in one process and in turns. Prints the record that is kept in
``models/bundled/vgg16-rmac.md``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import onnxruntime

from ..catalogue import VGG16_RMAC
from ..int8.fidelity import recall
from ..vgg16.architecture import CAFFE, EMBEDDING, INPUT
from ..vgg16.graph import build_rmac
from ..vgg16.tail import bundled_tail
from ..weights.readers import read_convolutions
from .photographs import photographs, quartered

ROUNDS = 5
NEIGHBOURS = 5
PICTURES_PER_PHOTO = 5


def embed(session: onnxruntime.InferenceSession, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return unit vectors float32 (N, D) of pictures, uint8 (height, width, 3) each."""
    return np.concatenate(
        [session.run([EMBEDDING], {INPUT: picture[np.newaxis]})[0] for picture in pictures]
    )


def _speed_ratio(
    slow: onnxruntime.InferenceSession, fast: onnxruntime.InferenceSession, picture: np.ndarray
) -> float:
    """Return how many times faster ``fast`` is: the median of rounds in which each runs once."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for session in (slow, fast):
            start = time.perf_counter()
            session.run([EMBEDDING], {INPUT: picture[np.newaxis]})
            seconds.append(time.perf_counter() - start)
        ratios.append(seconds[0] / seconds[1])
    return float(np.median(ratios))


def report(weights: Path, network: Path, files: Sequence[Path]) -> str:
    """Return the record, as Markdown."""
    model = build_rmac(read_convolutions(weights).__getitem__, CAFFE, bundled_tail())
    providers = ["CPUExecutionProvider"]
    full = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    small = onnxruntime.InferenceSession(network, providers=providers)
    pictures = [picture for file in files for picture in quartered(file)]
    expected, actual = embed(full, pictures), embed(small, pictures)
    whole = expected[::PICTURES_PER_PHOTO], actual[::PICTURES_PER_PHOTO]
    cosines = np.vecdot(expected, actual)
    data = network.read_bytes()
    rows = [
        ("photographs, each whole and in quarters", f"{len(files)} → {len(pictures)} pictures"),
        ("mean cosine", f"{cosines.mean():.4f}"),
        ("lowest cosine", f"{cosines.min():.4f}"),
        (f"recall@{NEIGHBOURS}", f"{recall(expected, actual, NEIGHBOURS):.3f}"),
        ("recall@1", f"{recall(expected, actual, 1):.3f}"),
        (f"recall@{NEIGHBOURS}, whole photographs only", f"{recall(*whole, NEIGHBOURS):.3f}"),
        ("times faster than float32", f"{_speed_ratio(full, small, pictures[0]):.1f}"),
        ("bytes", f"{len(data):,}"),
        ("SHA-256", f"`{hashlib.sha256(data).hexdigest()}`"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| int8 against float32 | |\n| --- | --- |\n{table}"


@click.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "photos", type=click.Path(exists=True, file_okay=False, path_type=Path), nargs=-1, required=True
)
@click.option(
    "--network",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=VGG16_RMAC.file,
    help="The int8 network; the default is the bundled one.",
)
def main(weights: Path, photos: tuple[Path, ...], network: Path) -> None:
    """Compare the bundled int8 network with the float32 one on the folders of PHOTOS.

    Example:

        python -m datasette_revimg.models.bundling.accuracy vgg16_notop.npz other-photos/
    """
    files = photographs(photos)
    if len(files) <= NEIGHBOURS:
        raise click.ClickException(f"more than {NEIGHBOURS} pictures are needed to compare with")
    click.echo(report(weights, network, files))


if __name__ == "__main__":
    main()
