"""ImageNet's classes: their names, and which of them a picture most likely shows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from ..errors import RevimgError
from ..vectors.whitening import base_name
from .catalogue import (
    CLASSIFYING_MODELS,
    INT8_MODELS,
    INT8_RECORD,
    RECORD,
    Model,
    default_model,
    installed,
)

# A class and its probability.
Label = tuple[str, float]

LABELS_PER_PICTURE = 5

_NAMES = Path(__file__).parent / "bundled" / "imagenet_classes.txt"


@cache
def class_names() -> tuple[str, ...]:
    """Return the names in the order of the network's last layer, no two of them the same."""
    return tuple(_NAMES.read_text(encoding="utf-8").splitlines())


def check_classes(model: Model) -> None:
    """Raise RevimgError, with the way out, unless the model's network knows the classes."""
    name = base_name(model.name)
    int8 = name in INT8_MODELS
    network = installed(record_name=INT8_RECORD if int8 else RECORD)
    if not (int8 or name in CLASSIFYING_MODELS) or network is None:
        fc2 = CLASSIFYING_MODELS[0]
        install = "" if default_model().name == fc2 else f"run `datasette revimg install {fc2}`, "
        raise RevimgError(
            f"{model.name} can't classify; --labels needs the whole network: {install}embed "
            f"with --model {fc2}, and with --replace if there are vectors already"
        )
    if not network.top:
        raise RevimgError(
            f"the installed weights ({network.source}) lack the last layer, which --labels "
            "needs: `datasette revimg install vgg16-fc2` installs weights that include it"
        )


def best(probabilities: np.ndarray) -> list[list[Label]]:
    """Return each picture's most probable classes, the best first.

    ``probabilities`` is float32 (N, 1000), in the order of ``class_names``.
    """
    names = class_names()
    # Stable, so that of two equally probable classes the same one always comes first.
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :LABELS_PER_PICTURE]
    return [
        [(names[index], float(row[index])) for index in indices]
        for row, indices in zip(probabilities, order, strict=True)
    ]
