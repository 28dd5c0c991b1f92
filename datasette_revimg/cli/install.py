"""``datasette revimg install``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..errors import RevimgError
from ..models.catalogue import FULL_NETWORK_MODELS, PREPROCESSINGS, Installed, models_dir
from ..models.weights import install as installation
from .options import one_line_errors


@click.command()
@click.argument("name", type=click.Choice(FULL_NETWORK_MODELS))
@click.option(
    "--from",
    "origin",
    metavar="FILE|URL",
    help="Weights that you have: Keras' .h5 or .keras, torchvision's .pth, .safetensors, the ONNX "
    "model zoo's .onnx, Caffe's .caffemodel.",
)
@click.option(
    "--preprocessing",
    type=click.Choice(sorted(PREPROCESSINGS)),
    help="What the network expects of its pixels, for weights of unknown origin.",
)
@click.option("--float16", is_flag=True, help="Store the weights in half the size.")
def install(name: str, origin: str | None, preprocessing: str | None, float16: bool) -> None:
    """Install VGG16 with its dense layers, a download of 553 MB.

    That makes vgg16-fc2, vgg16-fc1 and vgg16-rmac-float32. Without --from, they are made from
    Keras' weights, which are downloaded and checked; an interrupted download is resumed.

    Example:

    \b
        datasette revimg install vgg16-fc2
        datasette revimg install vgg16-fc2 --from vgg16-397923af.pth
    """
    with one_line_errors(OSError):
        if origin and "://" not in origin:
            record = _from_file(Path(origin), preprocessing, float16)
        else:
            record = _from_web(origin, preprocessing, float16)
    file = models_dir() / record.file
    click.echo(
        f"{name}: installed as {file}, {file.stat().st_size / 1e6:.1f} MB, from {record.source}, "
        f"{record.preprocessing} preprocessing, weights {record.sha256[:12]}"
    )


def _from_file(file: Path, preprocessing: str | None, float16: bool) -> Installed:
    if not file.is_file():
        raise RevimgError(f"{file}: there is no such file")
    return installation.install(file, preprocessing, float16=float16)


def _from_web(url: str | None, preprocessing: str | None, float16: bool) -> Installed:
    # urllib and what it needs; other commands don't wait for them.
    from ..models.weights import fetch

    weights = fetch.weights_at(url)
    if not weights.complete:
        with _progress(weights.name) as on_progress:
            weights.fetch(on_progress)
    return weights.install(preprocessing, float16)


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar with rate and remaining time if stderr is a terminal."""
    with click.progressbar(
        length=1,
        label=label,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        show_percent=True,
        item_show_func=lambda rate: rate,
    ) as bar:
        started, first = time.monotonic(), None

        def on_progress(done: int, total: int | None) -> None:
            nonlocal first
            first = done if first is None else first
            seconds = time.monotonic() - started
            bar.length = total
            rate = (done - first) / seconds / 1e6 if seconds > 0 else 0.0
            bar.update(done - bar.pos, f"{done / 1e6:.0f} MB, {rate:.1f} MB/s")

        yield on_progress
