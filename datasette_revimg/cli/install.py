"""``datasette revimg install``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from ..errors import RevimgError
from ..models.catalogue import (
    CLASSIFYING_MODELS,
    FULL_NETWORK_MODELS,
    INT8,
    INT8_MODELS,
    PREPROCESSINGS,
    RMAC_FLOAT32,
    VGG16_RMAC,
    Installed,
    models_dir,
)
from ..models.weights import install as installation
from ..models.weights import install_int8
from .options import one_line_errors

# A file of weights and what to call it → what was installed.
Convert = Callable[[Path, str], Installed]


@click.command()
@click.argument("name", type=click.Choice((*FULL_NETWORK_MODELS, *INT8_MODELS)))
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
@click.option(
    "--int8", is_flag=True, help="Round the weights to 8 bits: a quarter of the size, and faster."
)
@click.option(
    "--pictures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="For --int8, pictures of yours to calibrate it with and to compare it with float32 on, "
    "in place of generated ones.",
)
def install(
    name: str,
    origin: str | None,
    preprocessing: str | None,
    float16: bool,
    int8: bool,
    pictures: Path | None,
) -> None:
    """Install VGG16 with its dense layers, a download of 553 MB.

    That makes vgg16-fc2, vgg16-fc1 and vgg16-rmac-float32. Without --from, they are made from
    Keras' weights, which are downloaded and checked; an interrupted download is resumed.

    With --int8, it makes vgg16-fc2-int8 and vgg16-fc1-int8, beside the others or without them, and
    prints how near their vectors are to those of float32.

    Example:

    \b
        datasette revimg install vgg16-fc2
        datasette revimg install vgg16-fc2 --from vgg16-397923af.pth
        datasette revimg install vgg16-fc2 --int8 --pictures holiday/
    """
    int8 = int8 or name in INT8_MODELS
    _check_options(name, float16, int8, pictures)
    if int8:
        convert = _int8_converter(preprocessing, pictures)
        name = f"{name.removesuffix(INT8)}{INT8}"
    else:
        convert = _float_converter(preprocessing, float16)
    with one_line_errors(OSError):
        if origin and "://" not in origin:
            record = _from_file(Path(origin), convert)
        else:
            record = _from_web(origin, convert)
    file = models_dir() / record.file
    click.echo(
        f"{name}: installed as {file}, {file.stat().st_size / 1e6:.1f} MB, from {record.source}, "
        f"{record.preprocessing} preprocessing, weights {record.sha256[:12]}"
    )
    if record.fidelity:
        click.echo(f"{name} against {CLASSIFYING_MODELS[0]}: {record.fidelity}")


def _check_options(name: str, float16: bool, int8: bool, pictures: Path | None) -> None:
    if int8 and float16:
        raise click.UsageError("--int8 and --float16 are two sizes: choose one of them")
    if int8 and name == RMAC_FLOAT32:
        raise click.UsageError(f"{name} in int8 is {VGG16_RMAC.name}, which needs no installation")
    if pictures and not int8:
        raise click.UsageError("--pictures are for --int8, add it or leave them out")


def _float_converter(preprocessing: str | None, float16: bool) -> Convert:
    return lambda file, name: installation.install(file, preprocessing, float16=float16, name=name)


def _int8_converter(preprocessing: str | None, pictures: Path | None) -> Convert:
    say = partial(click.echo, err=True)
    return lambda file, name: install_int8.install_int8(
        file, preprocessing, pictures=pictures, name=name, on_step=say
    )


def _from_file(file: Path, convert: Convert) -> Installed:
    if not file.is_file():
        raise RevimgError(f"{file}: there is no such file")
    return convert(file, file.name)


def _from_web(url: str | None, convert: Convert) -> Installed:
    # urllib and what it needs; other commands don't wait for them.
    from ..models.weights import fetch

    weights = fetch.weights_at(url)
    if not weights.complete:
        with _progress(weights.name) as on_progress:
            weights.fetch(on_progress)
    return weights.install(convert)


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
