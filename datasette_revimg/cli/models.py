"""``datasette revimg models``, ``install`` and ``uninstall``.

The heavy imports, onnx and what reads files of weights, are made where they are needed: every
``datasette`` command imports this module.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import click
from tabulate import tabulate

from ..errors import RevimgError
from ..models.catalogue import (
    FULL_NETWORK_MODELS,
    PREPROCESSINGS,
    Installed,
    Model,
    all_models,
    find_model,
    models_dir,
)
from ..models.weights import install as installation

WAYS_OUT = "give a copy of it with --from FILE, or use the bundled vgg16-rmac, which needs nothing"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (RevimgError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("name", required=False)
def models(name: str | None) -> None:
    """List the networks that can be used, or the layers of one.

    Example:

    \b
        datasette revimg models
        datasette revimg models vgg16-rmac
    """
    with _told():
        if name:
            click.echo(_layer_table(find_model(name)))
        else:
            rows = [_row(model) for model in all_models().values()]
            click.echo(tabulate(rows, headers="keys", floatfmt=".1f"))


def _row(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "layer": model.layer,
        "floats": model.dimension,
        "MB": model.size / 1e6,
        "licence": model.licence,
        "source": model.source,
        "installed": "yes" if model.installed else "no",
        "sha256": (model.sha256 or "")[:12],
    }


def _layer_table(model: Model) -> str:
    from ..models.vgg16.layers import layers

    if model.file is None:
        raise RevimgError(f"{model.name} is not installed")
    rows = layers(model.file, model.output)
    table = tabulate(
        [
            (layer.name, " × ".join(map(str, layer.shape)), f"{layer.parameters:,}")
            for layer in rows
        ],
        headers=["layer", "output shape", "parameters"],
        colalign=("left", "left", "right"),
    )
    return f"{table}\n\ntotal: {sum(layer.parameters for layer in rows):,} parameters"


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
    """Install VGG16 with its dense layers, 553 MB fetched once.

    One file serves vgg16-fc2, vgg16-fc1 and vgg16-rmac-float32. Without --from it is made of
    Keras' weights, downloaded and checked; a download that broke off is resumed.

    Example:

    \b
        datasette revimg install vgg16-fc2
        datasette revimg install vgg16-fc2 --from vgg16-397923af.pth
    """
    with _told():
        if origin and "://" not in origin:
            record = _converted(Path(origin), preprocessing, float16)
        else:
            record = _downloaded(origin, preprocessing, float16)
    file = models_dir() / record.file
    click.echo(
        f"{name}: installed as {file}, {file.stat().st_size / 1e6:.1f} MB, from {record.source}, "
        f"{record.preprocessing} preprocessing, weights {record.sha256[:12]}"
    )


def _converted(file: Path, preprocessing: str | None, float16: bool) -> Installed:

    if not file.is_file():
        raise RevimgError(f"{file}: there is no such file")
    return installation.install(file, preprocessing, float16=float16)


def _downloaded(url: str | None, preprocessing: str | None, float16: bool) -> Installed:
    from ..models.weights.download import DownloadError, Expected, download
    from ..models.weights.origins import KERAS

    address = url or KERAS.source
    expected = None if url else Expected(KERAS.size or 0, "md5", KERAS.md5 or "")
    name = Path(urlsplit(address).path).name
    # The address in the name: another address is another file.
    file = models_dir() / f"download-{sha256(address.encode()).hexdigest()[:8]}-{name}"
    try:
        if not file.is_file():
            with _progress(name) as on_progress:
                download(address, file, expected, on_progress)
    except DownloadError as error:
        raise RevimgError(f"{error}; {WAYS_OUT}") from error
    try:
        record = installation.install(file, preprocessing, float16=float16, name=name)
    except installation.PreprocessingError:
        # Half a gigabyte needn't be fetched again for an option.
        raise
    except RevimgError:
        file.unlink()
        raise
    file.unlink()
    return record


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar with rate and remaining time, where stderr is a terminal."""
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


@click.command()
@click.argument("name", type=click.Choice(FULL_NETWORK_MODELS))
def uninstall(name: str) -> None:
    """Delete the installed VGG16, and with it all that it serves.

    Vectors that were made with it stay, and can be searched by row.

    Example:

    \b
        datasette revimg uninstall vgg16-fc2
    """

    with _told():
        record = installation.uninstall()
    if record is None:
        raise click.ClickException(f"{name} is not installed, there is nothing to delete")
    click.echo(f"{', '.join(FULL_NETWORK_MODELS)}: deleted")
