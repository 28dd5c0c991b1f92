"""A model of the user's own: an ONNX file, and the JSON file that describes it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from ..errors import RevimgError
from ..vectors.whitening import is_whitened
from .catalogue import BUILT_IN, Model
from .description import SCALING, Description, json_object
from .onnx_file import Port, read_ports
from .pixels import Pixels

# The sizes of a tensor's axes, None where they are free.
Shape = tuple[int | None, ...]

# The element types that pictures may have in ONNX, and what they are called in numpy.
INPUT_TYPES = {"uint8": "uint8", "float": "float32", "float16": "float16"}
OUTPUT_TYPES = ("float", "float16", "double")

# Which layout has the channels on this axis.
LAYOUTS = {1: "NCHW", 3: "NHWC"}


def read_model(file: Path) -> Model:
    """Read the model in an ONNX file, with the JSON of the same stem beside it.

    RevimgError, naming the file and the key, when they don't describe a network that turns
    pictures into vectors.
    """
    if not file.is_file():
        raise RevimgError(f"{file}: there is no such file")
    description = Description(file.with_suffix(".json"))
    name = _name(description, file)
    inputs, outputs = read_ports(file)
    pixels = _pixels(description, inputs)
    output = _output(description, outputs)
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Model(
        name=name,
        layer=output.name,
        dimension=description.dimension(),
        output=output.name,
        licence=description.text("licence") if "licence" in description.values else "unknown",
        source=f"your own: {file.name}",
        size=file.stat().st_size,
        sha256=sha256,
        # Another output of the same file gives other vectors.
        preprocessing=f"{pixels.text} output={output.name}",
        file=file,
        authors="unknown",
        pixels=pixels,
    )


def find_model(folder: Path, name: str, sha256: str) -> Model | None:
    """Return the model of the user's own in ``folder`` that is called ``name``, None without one.

    Of several, the one with these weights. RevimgError when those of that name can't be used.
    """
    model: Model | None = None
    for file in sorted(folder.glob("*.onnx")):
        description = file.with_suffix(".json")
        try:
            named = json_object(description).get("name", file.stem)
            stamps = [(s.st_mtime_ns, s.st_size) for s in (file.stat(), description.stat())]
        except (RevimgError, OSError):
            # Somebody else's, or half copied: it says nothing about the one that is wanted.
            continue
        if named == name:
            model = _read_model(file, *stamps)
            if model.sha256 == sha256:
                break
    return model


@lru_cache(maxsize=16)
def _read_model(file: Path, *stamps: tuple[int, int]) -> Model:
    """Call read_model, which reads all of the file, once for each state of both files."""
    return read_model(file)


def _name(description: Description, file: Path) -> str:
    """Return the name that databases record: never a path, as databases get published."""
    name = description.text("name") if "name" in description.values else file.stem
    if not name.isprintable():
        raise description.wrong(
            "name", "must be given, because the file's own name can't be stored in a database"
        )
    if "/" in name or "\\" in name:
        raise description.must("name", "a name, without / or \\")
    if is_whitened(name):
        raise description.wrong(
            "name", f"must not be {name!r}, which would be that of a table's whitened vectors"
        )
    if name.casefold() in {built_in.casefold() for built_in in BUILT_IN}:
        raise description.wrong(
            "name", f"must not be {name!r}, which is a built-in model: give this one another name"
        )
    return name


def _find(description: Description, key: str, ports: list[Port]) -> Port:
    name = description.text(key)
    names = [port.name for port in ports]
    if name not in names:
        raise description.wrong(
            key, f"is {name!r}, but the model has {', '.join(map(repr, names)) or 'none'}"
        )
    return ports[names.index(name)]


def _pixels(description: Description, inputs: list[Port]) -> Pixels:
    port = _find(description, "input", inputs)
    others = [other.name for other in inputs if other is not port]
    if others:
        raise description.wrong(
            "input", f"is {port.name!r}, but the model needs {', '.join(map(repr, others))} too"
        )
    if port.type not in INPUT_TYPES:
        raise description.wrong(
            "input",
            f"is {port.name!r}, which takes {port.type or 'no tensor'}, not uint8, float32 or "
            "float16",
        )
    size = description.size()
    dtype = INPUT_TYPES[port.type]
    mean, std = _scaling(description, port.name, dtype)
    return Pixels(
        size=size,
        colour=description.colour(),
        mean=mean,
        std=std,
        layout=_layout(description, port, size),
        dtype=dtype,
        one_by_one=bool(port.shape and port.shape[0]),
    )


def _scaling(
    description: Description, port: str, dtype: str
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    if dtype != "uint8":
        return description.scaling("mean"), description.scaling("std")
    for key in SCALING:
        if key in description.values:
            raise description.wrong(key, f"must be left out: the input {port!r} takes bytes, uint8")
    return None, None


def channel_axis(shape: Shape) -> int | None:
    """Return the axis of the three channels in a shape of four axes; None without just one."""
    axes = [axis for axis in LAYOUTS if shape[axis] == 3]
    return axes[0] if len(axes) == 1 else None


def takes_one_picture(shape: Shape) -> bool:
    """Return whether an input of this shape takes one picture, or any number of them."""
    return shape[0] in (None, 1)


def picture_sides(shape: Shape, axis: int) -> Shape:
    """Return height and width, None where they are free, of a shape with these channels."""
    return shape[2:] if axis == 1 else shape[1:3]


def _layout(description: Description, port: Port, size: tuple[int, int]) -> str:
    """Return NCHW or NHWC, by the axis of the three channels. RevimgError for other shapes."""
    is_ = f"is {port.name!r}, whose shape is {port.shape_text}"
    if port.shape is None or len(port.shape) != 4:
        raise description.wrong("input", f"{is_}: pictures have four axes")
    axis = channel_axis(port.shape)
    if axis is None:
        raise description.wrong("input", f"{is_}: its second or its last axis must be 3 channels")
    if not takes_one_picture(port.shape):
        raise description.wrong("input", f"{is_}: the first axis must be free, or 1")
    sides = picture_sides(port.shape, axis)
    if any(side not in (None, wanted) for side, wanted in zip(sides, size, strict=True)):
        raise description.wrong(
            "size",
            f"is {size[0]}×{size[1]} (height × width), but the shape of the input {port.name!r} is "
            f"{port.shape_text}, {LAYOUTS[axis]}",
        )
    return LAYOUTS[axis]


def _output(description: Description, outputs: list[Port]) -> Port:
    port = _find(description, "output", outputs)
    if port.type not in OUTPUT_TYPES:
        gives = port.type or "no tensor"
        raise description.wrong("output", f"is {port.name!r}, which gives {gives}, not floats")
    if port.shape is not None and len(port.shape) != 2:
        raise description.wrong(
            "output",
            f"is {port.name!r}, whose shape is {port.shape_text}: it must be (N, dimension)",
        )
    dimension = description.dimension()
    if port.shape is not None and port.shape[1] not in (None, dimension):
        raise description.wrong(
            "dimension", f"is {dimension}, but the output {port.name!r} gives {port.shape[1]}"
        )
    return port
