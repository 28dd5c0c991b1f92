"""The description of a model of the user's own, as far as its ONNX file tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RevimgError
from .custom import (
    INPUT_TYPES,
    OUTPUT_TYPES,
    channel_axis,
    picture_sides,
    takes_one_picture,
)
from .description import REQUIRED, SCALING
from .onnx_file import Port, read_ports

# How to find out what no file says.
_COLOUR = '"RGB" for most networks, "BGR" for those that were trained with Caffe or OpenCV'
_SCALING = (
    "three numbers for pixels from 0 to 1, as the network was trained: look for it in its "
    "preprocessing, often called normalize"
)


@dataclass(frozen=True)
class Draft:
    """The keys that a file tells, and for each of the others what it must say."""

    values: dict[str, Any]
    missing: dict[str, str]


def describe(file: Path) -> Draft:
    """Read an ONNX file's inputs and outputs.

    RevimgError, naming the file, when no description would make it a network that turns one
    picture into one vector.
    """
    if not file.is_file():
        raise RevimgError(f"{file}: there is no such file")
    inputs, outputs = read_ports(file)
    image = _image(file, inputs)
    known: dict[str, Any] = {"input": image.name}
    missing: dict[str, str] = {"colour": _COLOUR}
    assert image.shape
    axis = channel_axis(image.shape)
    assert axis
    sides = picture_sides(image.shape, axis)
    if None in sides:
        missing["size"] = (
            "the side of the pictures in pixels, or [height, width]: its input takes any"
        )
    else:
        known["size"] = sides[0] if sides[0] == sides[1] else list(sides)
    if image.type != "uint8":
        missing |= dict.fromkeys(SCALING, _SCALING)
    vectors = [port for port in outputs if _is_vector(port)]
    if not vectors:
        raise RevimgError(
            f"{file} has no output (N, dimension) of floats, but {_listed(outputs)}: export the "
            "network without its last layers, or with pooling after them"
        )
    if len(vectors) == 1:
        known["output"] = vectors[0].name
    else:
        missing["output"] = f"one of {_listed(vectors)}: the one before any classes"
    lengths = {port.shape[1] if port.shape else None for port in vectors}
    if len(lengths) == 1 and None not in lengths:
        (known["dimension"],) = lengths
    else:
        missing["dimension"] = "how many numbers its vectors have"
    keys = (*REQUIRED, *SCALING)
    return Draft(
        {key: known[key] for key in keys if key in known},
        {key: missing[key] for key in keys if key in missing},
    )


def _image(file: Path, inputs: list[Port]) -> Port:
    """Return the only input, if it takes pictures."""
    if len(inputs) != 1:
        raise RevimgError(
            f"{file} takes {len(inputs)} inputs, {_listed(inputs)}, not one picture: export the "
            "part of the network that sees pictures"
        )
    (port,) = inputs
    pictures = port.shape is not None and len(port.shape) == 4 and channel_axis(port.shape)
    if port.type not in INPUT_TYPES or not pictures:
        raise RevimgError(
            f"{file} takes {_listed(inputs)}, not pictures: uint8, float32 or float16 with four "
            "axes, of which the second or the last is 3 channels"
        )
    assert port.shape
    if not takes_one_picture(port.shape):
        raise RevimgError(
            f"{file} takes {port.shape[0]} pictures at a time: export it with its first axis free, "
            "or 1"
        )
    return port


def _is_vector(port: Port) -> bool:
    return port.type in OUTPUT_TYPES and (port.shape is None or len(port.shape) == 2)


def _listed(ports: list[Port]) -> str:
    return ", ".join(f"{port.name!r} {port.type} {port.shape_text}" for port in ports) or "none"
