"""``datasette revimg uninstall``."""

from __future__ import annotations

import click

from ..models.catalogue import FULL_NETWORK_MODELS
from ..models.weights import install as installation
from .options import one_line_errors


@click.command()
@click.argument("name", type=click.Choice(FULL_NETWORK_MODELS))
def uninstall(name: str) -> None:
    """Delete the installed VGG16, and with it every model that uses its file.

    Vectors that were made with it are kept, and can still be searched by row.

    Example:

    \b
        datasette revimg uninstall vgg16-fc2
    """
    with one_line_errors(OSError):
        record = installation.uninstall()
    if record is None:
        raise click.ClickException(f"{name} is not installed; there is nothing to delete")
    click.echo(f"{', '.join(FULL_NETWORK_MODELS)}: deleted")
