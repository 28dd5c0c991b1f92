"""``datasette revimg …``: the commands.

Every ``datasette`` command imports them, so what is heavy is imported where it is needed.
"""

import click

from . import (
    calibrate,
    classify,
    duplicates,
    embed,
    evaluate,
    forget,
    install,
    matrix,
    models,
    similar,
    status,
    uninstall,
)


@click.group()
def revimg() -> None:
    """Find similar pictures: embed them once, then search in SQL, here or in Datasette."""


for command in (
    embed.embed,
    similar.similar,
    matrix.matrix,
    duplicates.duplicates,
    calibrate.calibrate,
    classify.classify,
    evaluate.evaluate,
    status.status,
    forget.forget,
    models.models,
    install.install,
    uninstall.uninstall,
):
    revimg.add_command(command)
