"""``datasette revimg uninstall``."""

from __future__ import annotations

import click

from ..models.catalogue import FULL_NETWORK_MODELS, INT8_MODELS
from ..models.weights import placing
from .options import one_line_errors


@click.command()
@click.argument("name", type=click.Choice((*FULL_NETWORK_MODELS, *INT8_MODELS)))
def uninstall(name: str) -> None:
    """Delete the installed VGG16, and with it every model that uses its file.

    Vectors that were made with it are kept, and can still be searched by row.

    Example:

    \b
        datasette revimg uninstall vgg16-fc2
    """
    int8 = name in INT8_MODELS
    with one_line_errors(OSError):
        record = placing.remove(placing.INT8 if int8 else placing.FLOAT)
    if record is None:
        raise click.ClickException(f"{name} is not installed; there is nothing to delete")
    click.echo(f"{', '.join(INT8_MODELS if int8 else FULL_NETWORK_MODELS)}: deleted")
