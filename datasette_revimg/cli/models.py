"""``datasette revimg models``."""

from __future__ import annotations

import json
from pathlib import Path

import click
from tabulate import tabulate

from ..errors import ModelMissingError, RevimgError
from ..models.catalogue import INT8, Model, all_models, find_model
from ..models.draft import describe
from .options import one_line_errors
from .printable import printable


class _NameOrCommand(click.Group):
    """A group in which a word that is no command is the name of a model."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that these arguments are for, and its arguments."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "layers", print_layers, args


@click.group(
    cls=_NameOrCommand,
    invoke_without_command=True,
    subcommand_metavar="[NAME | describe FILE]",
)
@click.pass_context
def models(context: click.Context) -> None:
    """List the networks that can be used, or the layers of one of them.

    Example:

    \b
        datasette revimg models
        datasette revimg models vgg16-rmac
        datasette revimg models describe model.onnx
    """
    if context.invoked_subcommand is None:
        with one_line_errors(OSError):
            click.echo(_model_table())


@click.command("layers")
@click.argument("name")
def print_layers(name: str) -> None:
    """Print the layers of the network NAME."""
    with one_line_errors(OSError):
        click.echo(_layer_table(find_model(name)))


@models.command("describe")
@click.argument("file", metavar="FILE.onnx", type=click.Path(path_type=Path))
def describe_file(file: Path) -> None:
    """Write FILE.json, which describes a network of your own, as far as FILE.onnx tells.

    What it doesn't tell is named, for you to add. An existing FILE.json is left as it is.

    Example:

    \b
        datasette revimg models describe model.onnx
    """
    with one_line_errors(OSError):
        draft = describe(file)
        description = file.with_suffix(".json")
        try:
            with description.open("x", encoding="utf-8") as stream:
                stream.write(json.dumps(draft.values, indent=4) + "\n")
        except FileExistsError as error:
            raise RevimgError(f"{description} exists already, and is left as it is") from error
    click.echo(printable(f"{description}: {', '.join(draft.values)}"))
    for key, what in draft.missing.items():
        click.echo(printable(f"  missing: {json.dumps(key)}, {what}"))


def _model_table() -> str:
    models = all_models().values()
    table = tabulate([_row(model) for model in models], headers="keys", floatfmt=".1f")
    notes = [
        f"{model.name} against {model.name.removesuffix(INT8)}: {model.fidelity}"
        for model in models
        if model.fidelity
    ]
    return "\n\n".join([str(table), *notes])


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
