"""A model of one's own: an ONNX file, described by a JSON file beside it.

``model.json`` says of ``model.onnx``: ``input`` and ``output`` (their names), ``size`` (pixels: a
side, or [height, width]), ``colour`` ("RGB" or "BGR"), ``mean`` and ``std`` (three numbers in the
order of ``colour``, for pixels from 0 to 1; left out when the input is uint8), ``dimension``, and
if wanted ``name`` and ``licence``. Layout, type and batch are read from the model itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, external_data_helper
from onnx.helper import tensor_dtype_to_string

from ..errors import RevimgError
from .catalogue import Model, all_models
from .pixels import Pixels

REQUIRED = ("input", "size", "colour", "output", "dimension")
SCALING = ("mean", "std")
OPTIONAL = ("licence", "name")

# From thumbnails too small for any network to pictures of 12 MB each, of which a run holds dozens.
SIDES = (8, 2048)
MAX_DIMENSION = 65_536

INPUT_TYPES: dict[int, str] = {
    TensorProto.UINT8: "uint8",
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
}
OUTPUT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)

# Which layout has the channels on this axis.
LAYOUTS = {1: "NCHW", 3: "NHWC"}


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a free side of its shape is None, an unknown shape too."""

    name: str
    type: int
    shape: tuple[int | None, ...] | None

    @property
    def shape_text(self) -> str:
        if self.shape is None:
            return "no known shape"
        return f"({', '.join('?' if side is None else str(side) for side in self.shape)})"


class Description:
    """The JSON beside a model, read a key at a time; every error names the file and the key."""

    def __init__(self, file: Path) -> None:
        self.file, self.values = file, _json_object(file)
        known = (*REQUIRED, *SCALING, *OPTIONAL)
        for key in self.values:
            if key not in known:
                raise RevimgError(
                    f"{file}: the key {key!r} is unknown; there is {', '.join(known)}"
                )
        for key in REQUIRED:
            self.required(key)

    def required(self, key: str) -> Any:
        if key not in self.values:
            raise RevimgError(f"{self.file}: the key {key!r} is missing")
        return self.values[key]

    def wrong(self, key: str, why: str) -> RevimgError:
        return RevimgError(f"{self.file}: {key!r} {why}")

    def must(self, key: str, what: str) -> RevimgError:
        return self.wrong(key, f"must be {what}, not {json.dumps(self.values[key])}")

    def text(self, key: str) -> str:
        value = self.required(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.must(key, "a text of one line")
        return value

    def size(self) -> tuple[int, int]:
        """(height, width)."""
        low, high = SIDES
        value = self.required("size")
        sides = value if isinstance(value, list) else [value, value]
        if len(sides) != 2 or not all(_is_whole(side, low, high) for side in sides):
            raise self.must("size", f"a side or [height, width], in pixels from {low} to {high}")
        return sides[0], sides[1]

    def colour(self) -> str:
        if self.required("colour") not in ("RGB", "BGR"):
            raise self.must("colour", '"RGB" or "BGR"')
        return str(self.values["colour"])

    def dimension(self) -> int:
        if not _is_whole(self.required("dimension"), 1, MAX_DIMENSION):
            raise self.must("dimension", f"a whole number from 1 to {MAX_DIMENSION}")
        return int(self.values["dimension"])

    def scaling(self, key: str) -> tuple[float, ...]:
        """``mean`` or ``std``; the range is told because 0..255 is the usual mistake."""
        value = self.required(key)
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(_is_fraction(number) for number in value)
            or (key == "std" and not all(value))
        ):
            least = "above 0 and at most" if key == "std" else "from 0 to"
            raise self.must(key, f"three numbers {least} 1, for pixels from 0 to 1")
        return tuple(float(number) for number in value)


def _json_object(file: Path) -> dict[str, Any]:
    keys = ", ".join((*REQUIRED, *SCALING))
    try:
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise RevimgError(
            f"{file} is missing: it describes a model of your own, with the keys {keys}"
        ) from error
    except OSError as error:
        raise RevimgError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RevimgError(f"{file} isn't valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise RevimgError(f"{file} must be a JSON object, with the keys {keys}")
    return values


def read_model(file: Path) -> Model:
    """The model in an ONNX file, with the JSON of the same stem beside it.

    RevimgError, naming the file and the key, when they don't describe a network that turns
    pictures into vectors.
    """
    if not file.is_file():
        raise RevimgError(f"{file}: there is no such file")
    description = Description(file.with_suffix(".json"))
    name = _name(description, file)
    inputs, outputs = _ports(file)
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
        source=f"one's own: {file.name}",
        size=file.stat().st_size,
        sha256=sha256,
        # Another output of the same file gives other vectors.
        preprocessing=f"{pixels.text} output={output.name}",
        file=file,
        authors="unknown",
        pixels=pixels,
    )


def find_model(folder: Path, name: str, sha256: str) -> Model | None:
    """The model of one's own in ``folder`` that is called ``name``, None without one.

    Of several, the one with these weights. RevimgError when those called so can't be used.
    """
    found: Model | None = None
    for file in sorted(folder.glob("*.onnx")):
        description = file.with_suffix(".json")
        try:
            called = _json_object(description).get("name", file.stem)
            stamps = [(s.st_mtime_ns, s.st_size) for s in (file.stat(), description.stat())]
        except (RevimgError, OSError):
            # Somebody else's, or half copied: it says nothing about the one that is wanted.
            continue
        if called == name:
            found = _read_model(file, *stamps)
            if found.sha256 == sha256:
                break
    return found


@lru_cache(maxsize=16)
def _read_model(file: Path, *stamps: tuple[int, int]) -> Model:
    """read_model, which reads all of the file for its hash, once for each state of both files."""
    return read_model(file)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_fraction(value: object) -> bool:
    # NaN, which Python's JSON knows, is in no range.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _name(description: Description, file: Path) -> str:
    """What the database records: never a path, as databases get published."""
    name = description.text("name") if "name" in description.values else file.stem
    if not name.isprintable():
        raise description.wrong("name", "must be given: the file's own can't be kept in a database")
    if "/" in name or "\\" in name:
        raise description.must("name", "a name, without / or \\")
    if name.casefold() in {known.casefold() for known in all_models()}:
        raise description.wrong(
            "name", f"must not be {name!r}, which is a built-in model: give this one another name"
        )
    return name


def _ports(file: Path) -> tuple[list[Port], list[Port]]:
    """The graph's inputs and outputs."""
    try:
        graph = onnx.load(file, load_external_data=False).graph
    except OSError as error:
        raise RevimgError(f"{file} can't be read: {error.strerror}") from error
    except Exception as error:
        # Protobuf's own exceptions, which are none of ONNX's.
        raise RevimgError(f"{file} is not an ONNX file") from error
    if not graph.node or not graph.output:
        # Protobuf reads an empty file, and some that are not empty, as an empty model.
        raise RevimgError(f"{file} is not an ONNX file, or it has no network in it")
    if any(external_data_helper.uses_external_data(tensor) for tensor in _tensors(graph)):
        raise RevimgError(
            f"{file} keeps weights in other files, which its hash doesn't cover: save it as one "
            f"file, in Python with onnx.save(onnx.load({file.name!r}), 'one.onnx')"
        )
    # Old files list their weights among the inputs too.
    weights = {tensor.name for tensor in graph.initializer}
    return _named_ports(graph.input, weights), _named_ports(graph.output, set())


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """All weights and constants, those of inner graphs too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _named_ports(values: Iterable[onnx.ValueInfoProto], without: set[str]) -> list[Port]:
    return [_port(value) for value in values if value.name not in without]


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        # Some exporters write -1 for a free side, and no value reads as 0.
        shape = tuple(side.dim_value if side.dim_value > 0 else None for side in tensor.shape.dim)
    return Port(value.name, tensor.elem_type, shape)


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
            f"is {port.name!r}, which takes {_type_name(port)}, not uint8, float32 or float16",
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


def _layout(description: Description, port: Port, size: tuple[int, int]) -> str:
    """NCHW or NHWC, by the axis of the three channels. RevimgError for any other shape."""
    is_ = f"is {port.name!r}, whose shape is {port.shape_text}"
    if port.shape is None or len(port.shape) != 4:
        raise description.wrong("input", f"{is_}: pictures have four axes")
    axes = [axis for axis in LAYOUTS if port.shape[axis] == 3]
    if len(axes) != 1:
        raise description.wrong("input", f"{is_}: its second or its last axis must be 3 channels")
    if port.shape[0] not in (None, 1):
        raise description.wrong("input", f"{is_}: the first axis must be free, or 1")
    sides = port.shape[2:] if axes == [1] else port.shape[1:3]
    if any(side not in (None, wanted) for side, wanted in zip(sides, size, strict=True)):
        raise description.wrong(
            "size",
            f"is {size[0]}×{size[1]} (height × width), but the shape of the input {port.name!r} is "
            f"{port.shape_text}, {LAYOUTS[axes[0]]}",
        )
    return LAYOUTS[axes[0]]


def _output(description: Description, outputs: list[Port]) -> Port:
    port = _find(description, "output", outputs)
    if port.type not in OUTPUT_TYPES:
        raise description.wrong(
            "output", f"is {port.name!r}, which gives {_type_name(port)}, not floats"
        )
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


def _type_name(port: Port) -> str:
    if not port.type:
        return "no tensor"
    return tensor_dtype_to_string(port.type).removeprefix("TensorProto.").lower()
