"""Choose and load the network for a table: the one its vectors were made with, or the default."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ..errors import ModelMissingError, OtherModelError, RevimgError
from ..models import custom
from ..models.catalogue import Model, all_models, default_model, models_dir, require_installed
from ..models.network import Network
from ..store import whitening as stored_whitening
from ..store.registry import EmbeddedTable
from ..vectors.whitening import Whitening, base_name, base_weights


def choose_model(
    embedded: EmbeddedTable | None, name: str | None, whitening: Whitening | None = None
) -> Model:
    """Return the model called ``name``, or by default the table's own.

    ``name`` is a built-in model's or the path of an .onnx file. Without a name, a table that is
    ``embedded`` keeps its model; any other gets vgg16-fc2 if it is installed, its int8 version if
    only that is, and otherwise the bundled vgg16-rmac. ``whitening`` is what the table's vectors
    are whitened with. Raises RevimgError when the model is unknown or not installed.
    """
    if name and name.lower().endswith(".onnx"):
        model = custom.read_model(Path(name))
        return model.whitened(whitening) if whitening else model
    if embedded and name in (None, embedded.model):
        return recorded_model(embedded, whitening=whitening)
    if name is None:
        return default_model()
    known = all_models()
    if name not in known:
        raise RevimgError(
            f"there is no model {name!r}; choose {', '.join(known)}, or an .onnx file of your own"
        )
    return require_installed(known[name])


def recorded_model(
    embedded: EmbeddedTable, folder: Path | None = None, whitening: Whitening | None = None
) -> Model:
    """Return the model that a table's vectors were made with, from a folder of models.

    ``folder`` defaults to the user's own (see ``catalogue.models_dir``); ``whitening`` is what the
    vectors are whitened with (see ``store.whitening``). Raises ModelMissingError
    when the model isn't there, OtherModelError when the one of its name has other weights or
    another preprocessing, and RevimgError when its files can't be used.
    """
    name = base_name(embedded.model)
    known = all_models(folder)
    if name in known:
        model = require_installed(known[name])
    else:
        weights = base_weights(embedded.weights_sha256)
        own = custom.find_model(models_dir(folder), name, weights)
        if own is None:
            raise ModelMissingError(
                f"{embedded.table_name!r} was embedded with a model that datasette-revimg "
                f"doesn't know, {name} (sha256 {weights[:12]}): give "
                "its .onnx file with --model FILE"
            )
        model = own
    if whitening:
        model = model.whitened(whitening)
    check_model(embedded, model)
    return model


def table_model(
    conn: sqlite3.Connection, embedded: EmbeddedTable, name: str | None = None
) -> Model:
    """Return the model of a table's vectors, whitened as they are.

    ``name``, if given, must name it, as in ``choose_model``. Raises RevimgError as that does, and
    OtherModelError when it names another model.
    """
    model = choose_model(embedded, name, stored_whitening.read(conn, embedded))
    check_model(embedded, model)
    return model


def made_by(embedded: EmbeddedTable, model: Model) -> bool:
    """Return whether the table's vectors were made by exactly this model."""
    return (embedded.model, embedded.weights_sha256, embedded.preprocessing) == model.identity


def check_model(embedded: EmbeddedTable, model: Model) -> None:
    """Raise OtherModelError unless the table's vectors were made by exactly this model."""
    if made_by(embedded, model):
        return
    if (embedded.model, embedded.weights_sha256) == model.identity[:2]:
        raise OtherModelError(
            f"{embedded.table_name!r} holds vectors of {embedded.model} with the preprocessing "
            f"{embedded.preprocessing!r}, which can't be compared with those with "
            f"{model.identity[2]!r}: embed it again with --replace"
        )
    raise OtherModelError(
        f"{embedded.table_name!r} holds vectors of {embedded.model} "
        f"({embedded.weights_sha256[:12]}), which can't be compared with those of {model.name} "
        f"({model.identity[1][:12]}): embed it again with --replace"
    )


def load_network(
    model: Model,
    device: str = "auto",
    threads: int | None = None,
    *,
    classes: bool = False,
    batch_size: int = 1,
) -> Network:
    """Load a model's network, ready to run.

    ``device`` is one of ``devices.DEVICES``; ``threads`` limits the processor threads, None
    leaves their number to ONNX Runtime. With ``classes``, the network also returns the
    probabilities of ImageNet's classes. A model of the user's own is tried out on noise, in a
    batch if ``batch_size`` is more than 1. Raises RevimgError when the model isn't installed, the
    device isn't available, or the network doesn't do what its description says.
    """
    if model.file is None:
        raise ModelMissingError(f"{model.name} is not installed")
    network = Network(
        model.file,
        device,
        threads or 0,
        output=model.output,
        classes=classes,
        pixels=model.pixels,
        whitening=model.whitening,
    )
    if model.pixels:
        # Two pictures are enough to show whether it takes batches.
        network.try_out(min(batch_size, 2), model.network_dimension)
    return network
