"""``.safetensors``: the length of a JSON header (8 bytes), the header, then the raw numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from ..names import WeightTensors
from ..tensors import Stored, checked_shape, in_file
from .torch_names import contents

PREFIX = 8
# A VGG16 header has about 4 kB; a larger length is no length, or an attempt on the memory.
HEADER_LIMIT = 2**20
# I64 is for the batch counters of batch normalisation, so that it is named as the reason.
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}


def looks_like(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a .safetensors."""
    return head[PREFIX : PREFIX + 1] == b"{" and int.from_bytes(head[:PREFIX], "little") > 1


def read(path: Path) -> WeightTensors:
    """The tensors, under torchvision's or timm's names."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(PREFIX), "little")
        if length > HEADER_LIMIT:
            raise WeightsError(f"its header claims {length} bytes, VGG16's has a few thousand")
        data = file.read(length)
    if len(data) != length:
        raise WeightsError("the file is truncated: it ends inside its header")
    try:
        header = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WeightsError("its header is not JSON") from error
    if not isinstance(header, dict):
        raise WeightsError("its header is not a JSON object")
    header.pop("__metadata__", None)
    stored = [_stored(path, name, embedded, PREFIX + length) for name, embedded in header.items()]
    return contents("safetensors", stored)


def _stored(path: Path, name: str, embedded: object, start: int) -> Stored:
    match embedded:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(first), int(last)]}:
            if not 0 <= first <= last:
                raise WeightsError(f"{name} lies at impossible offsets, {first} to {last}")
        case _:
            raise WeightsError(f"{name} is described wrongly in the header")
    if kind not in _TYPES:
        raise WeightsError(f"{name} holds {kind}; only F16, F32 and F64 are read")
    dtype, sides = np.dtype(_TYPES[kind]), checked_shape(name, shape)
    return in_file(path, name, dtype, sides, start + first, last - first)
