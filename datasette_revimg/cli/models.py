"""``datasette revimg models``."""

from __future__ import annotations

import click
from tabulate import tabulate

from ..errors import ModelMissingError
from ..models.catalogue import Model, all_models, find_model
from .options import one_line_errors


@click.command()
@click.argument("name", required=False)
def models(name: str | None) -> None:
    """List the networks that can be used, or the layers of one of them.

    Example:

    \b
        datasette revimg models
        datasette revimg models vgg16-rmac
    """
    with one_line_errors(OSError):
        table = _layer_table(find_model(name)) if name else _model_table()
    click.echo(table)


def _model_table() -> str:
    rows = [_row(model) for model in all_models().values()]
    return str(tabulate(rows, headers="keys", floatfmt=".1f"))


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
        raise ModelMissingError(f"{model.name} is not installed")
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
